"""Losses that are not finite: name the data set, the iteration and the samples, and stop.

Looking at a loss waits for the device. Where no step may be skipped, it is looked at a little later, when it has
arrived by itself; nothing is saved before that. Where steps may be skipped, it must be known before the backward pass.
"""

import math
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from ivvit.data.batch import Record
from ivvit.training.distributed import World
from ivvit.training.job import Diverged

_LAG = 8  # losses on their way from the device


@dataclass(frozen=True)
class _Pending:
    loss: Tensor
    arrived: "torch.cuda.Event | None"
    iteration: int
    dataset: str
    records: list[Record]


class FiniteCheck:
    """Counts the steps skipped so far and stops when there are too many."""

    def __init__(self, max_skipped: int) -> None:
        self._max_skipped = max_skipped
        self.skipped = 0
        self._pending: deque[_Pending] = deque()

    def check(self, loss: Tensor, world: World, *, iteration: int, dataset: str, records: list[Record]) -> bool:
        """Whether to go backward from this loss, a scalar on the device.

        Raises:
            Diverged: this loss, or one a little earlier, is not finite, and no more steps may be skipped.
        """
        if self._max_skipped:
            loss = world.sum(loss.clone())  # skipped by all processes or by none
        self._pending.append(_Pending(*_start_copy(loss), iteration, dataset, records))
        at_once = self._max_skipped > 0 or loss.device.type == "cpu"
        looks = [self._look() for _ in range(len(self._pending) - (0 if at_once else _LAG))]
        return all(looks)

    def settle(self) -> None:
        """Look at all losses that are still on their way."""
        while self._pending:
            self._look()

    def _look(self) -> bool:
        pending = self._pending.popleft()
        if pending.arrived is not None:
            pending.arrived.synchronize()
        if math.isfinite(pending.loss.item()):
            return True
        self.skipped += 1
        if self.skipped > self._max_skipped:
            names = ", ".join(record.path for record in pending.records)
            raise Diverged(
                f"the loss of {pending.dataset} is not finite in iteration {pending.iteration} (samples: {names}); "
                f"{self.skipped - 1} steps were skipped before, max_skipped is {self._max_skipped}; "
                "a lower learning rate, grad_clip or precision: fp32 may help"
            )
        return False


def _start_copy(loss: Tensor) -> tuple[Tensor, "torch.cuda.Event | None"]:
    if loss.device.type != "cuda":
        return loss, None
    host = torch.empty((), dtype=loss.dtype, pin_memory=True)
    host.copy_(loss, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return host, event
