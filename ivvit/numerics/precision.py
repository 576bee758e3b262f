"""Mixed precision, and the loss scale of fp16 where several optimisers share gradients."""

from collections.abc import Iterable
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

_DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Autocast to the configured type; for fp16, gradients are kept times a scale between backward passes.

    torch's scaler divides the gradients of an optimiser before its step. When the next data set's gradients are added
    to the same tensors (`cumulative`), they must have one unit, so the division is undone first.
    """

    def __init__(self, name: str, device: torch.device) -> None:
        self._device, self._dtype = device, _DTYPES[name]
        self._scaler = torch.amp.GradScaler(device.type, enabled=name == "fp16")
        self._unscaled = self._stepped = False

    def autocast(self) -> AbstractContextManager:
        """The context of forward passes."""
        return torch.autocast(self._device.type, self._dtype, enabled=self._dtype != torch.float32)

    def rescale(self, parameters: Iterable[nn.Parameter]) -> None:
        """Bring the gradients that are there already to the scale of those that will be added."""
        if self._unscaled:
            gradients = [p.grad for p in parameters if p.grad is not None]
            torch._foreach_mul_(gradients, self._scaler.scale(torch.ones((), device=self._device)))
            self._unscaled = False

    def scale(self, loss: Tensor) -> Tensor:
        """The loss to call backward on."""
        return self._scaler.scale(loss)

    def cleared(self) -> None:
        """Gradients were cleared: there is nothing to bring to scale."""
        self._unscaled = False

    def unscale(self, optimizer: Optimizer) -> None:
        """Divide the gradients by the scale (before clipping)."""
        if self._scaler.is_enabled():
            self._scaler.unscale_(optimizer)
            self._unscaled = True

    def step(self, optimizer: Optimizer) -> None:
        """Step, unless fp16's gradients overflowed."""
        self._scaler.step(optimizer)
        self._stepped = True

    def finish_iteration(self) -> None:
        """Adapt the scale."""
        if self._stepped:
            self._scaler.update()
        self._stepped = False

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps."""
        return self._scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take up a checkpoint's state."""
        self._scaler.load_state_dict(state)
