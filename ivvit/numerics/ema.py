"""An exponential moving average of the weights, which takes their place in evaluation and in the result."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightAverage:
    """average = decay * average + (1 - decay) * weights, after every iteration; it starts at the initial weights.

    With warm-up, the decay of iteration t is min(decay, (1 + t) / (10 + t)) (as in TensorFlow and timm): the average
    forgets the initial weights soon, however short the training.
    """

    def __init__(self, model: nn.Module, decay: float, warmup: bool = False) -> None:
        self._decay, self._warmup = decay, warmup
        self._weights = [parameter.detach() for parameter in model.parameters()]
        self._average = [weight.clone() for weight in self._weights]

    @torch.no_grad()
    def update(self, iteration: int) -> None:
        """Take in the weights as they are after iteration 0, 1, ..."""
        decay = min(self._decay, (1 + iteration) / (10 + iteration)) if self._warmup else self._decay
        torch._foreach_lerp_(self._average, self._weights, 1 - decay)

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
