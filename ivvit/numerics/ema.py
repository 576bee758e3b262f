"""An exponential moving average of the weights, which takes their place in evaluation and in the result."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """average = decay * average + (1 - decay) * weights, after every iteration; it starts at the initial weights."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self._decay = decay
        self._weights = [parameter.detach() for parameter in model.parameters()]
        self._average = [weight.clone() for weight in self._weights]

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        torch._foreach_lerp_(self._average, self._weights, 1 - self._decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context the model has the averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for weight, average in zip(self._weights, self._average, strict=True):
            held = weight.clone()
            weight.copy_(average)
            average.copy_(held)

    def state_dict(self) -> dict[str, Tensor]:
        """What a checkpoint keeps."""
        return {str(i): average for i, average in enumerate(self._average)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Take up a checkpoint's state."""
        for i, average in enumerate(self._average):
            average.copy_(state[str(i)])
