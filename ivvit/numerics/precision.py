"""Mixed precision, and the loss scale of fp16."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TypedDict

import torch
from torch import Tensor, nn

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class ScaleState(TypedDict):
    """What a checkpoint keeps of the loss scale."""

    scale: float
    growth_tracker: int
    overflows: int


class Precision:
    """Autocast to the configured type; for fp16, the loss is scaled and its gradients are divided by the scale again.

    The rule of torch's GradScaler (twice the scale after 2,000 good iterations, half of it after one with an overflow).
    GradScaler itself has one verdict for an optimiser and an iteration; here each data set's gradients have their own,
    as others' are added to the same sum.
    """

    INITIAL, GROWTH, BACKOFF, INTERVAL = 2.0**16, 2.0, 0.5, 2000

    def __init__(self, name: str, device: torch.device) -> None:
        self._device, self._dtype = device, _DTYPES[name]
        self.scales = name == "fp16"
        """Whether gradients can overflow, and must be looked at."""
        self._state: ScaleState = {"scale": self.INITIAL, "growth_tracker": 0, "overflows": 0}
        self._sound = self._overflowed = 0

    @property
    def overflows(self) -> int:
        """Data sets' batches left out so far as their gradients overflowed."""
        return self._state["overflows"]

    def autocast(self) -> AbstractContextManager:
        """The context of forward passes."""
        return torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32)

    def scale(self, loss: Tensor) -> Tensor:
        """The loss to call backward on."""
        return loss * self._state["scale"] if self.scales else loss

    def unscale(self, parameters: Sequence[nn.Parameter]) -> bool:
        """Divide fresh gradients by the scale, in place; False if they overflowed. Waits for the device."""
        if not self.scales:
            return True
        gradients = [p.grad for p in parameters if p.grad is not None]
        torch._foreach_mul_(gradients, 1 / self._state["scale"])  # a power of two: exact
        sound = bool(nn.utils.get_total_norm(gradients).isfinite())
        self._sound += sound
        self._overflowed += not sound
        return sound

    def finish_iteration(self) -> None:
        """Adapt the scale."""
        state = self._state
        state["overflows"] += self._overflowed
        if self._overflowed:
            state["scale"] *= self.BACKOFF
            state["growth_tracker"] = 0
        elif self._sound:
            state["growth_tracker"] += 1
            if state["growth_tracker"] == self.INTERVAL:
                state["scale"] *= self.GROWTH
                state["growth_tracker"] = 0
        self._sound = self._overflowed = 0

    def state_dict(self) -> ScaleState:
        """What a checkpoint keeps."""
        return self._state.copy()

    def load_state_dict(self, state: ScaleState) -> None:
        """Take up a checkpoint's state."""
        self._state = state.copy()
