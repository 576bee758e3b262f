"""The gradients of all trained parameters, as a sum that data sets add to."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

Held = list[Tensor | None]
"""A gradient for each parameter; None where there is none."""


class Gradients:
    """What is in `.grad` of the parameters, moved about without arithmetic that a step could see.

    Args:
        parameters: all that are trained.
        clip: the largest norm that a step may see; None for any.
    """

    def __init__(self, parameters: Sequence[nn.Parameter], clip: float | None) -> None:
        self._parameters, self._clip = parameters, clip

    def clear(self) -> None:
        """Forget all."""
        self.take()

    def take(self) -> Held:
        """Give away the gradients; there are none afterwards."""
        held = [parameter.grad for parameter in self._parameters]
        for parameter in self._parameters:
            parameter.grad = None
        return held

    def put(self, held: Held) -> None:
        """These gradients instead of those that are there."""
        for parameter, gradient in zip(self._parameters, held, strict=True):
            parameter.grad = gradient

    @torch.no_grad()
    def add(self, held: Held) -> None:
        """These gradients in addition to those that are there; they may be changed."""
        for parameter, gradient in zip(self._parameters, held, strict=True):
            if parameter.grad is None:
                parameter.grad = gradient
            elif gradient is not None:
                parameter.grad = gradient.add_(parameter.grad)

    @contextmanager
    def for_step(self, keep: bool, writes: bool) -> Iterator[None]:
        """Within this context no norm is above the limit.

        Args:
            keep: more will be added to the sum afterwards, which must remember neither clipping nor the step; where
                there is any of them, that costs a copy.
            writes: the step writes into the gradients.
        """
        held = [parameter.grad for parameter in self._parameters] if keep and (writes or self._clip) else None
        if held is not None:
            self.put([None if gradient is None else gradient.clone() for gradient in held])
        if self._clip is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._clip)
        yield
        if held is not None:
            self.put(held)
