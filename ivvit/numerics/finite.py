"""Losses that are not finite: name the data set, the iteration and the samples, and stop.

Looking at a loss waits for the device. Where no step may be skipped, it is looked at a little later, when it has
arrived by itself; nothing is saved before that. Where steps may be skipped, it must be known before the backward pass.
Processes look at the sum of their losses too: all skip or stop in the same place, or those left would wait for ever.
"""

import math
from collections import deque
from dataclasses import dataclass

import torch
from torch import Tensor

from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Record
from ivvit.numerics.world import World


class Diverged(UserError):
    """A loss is not finite: these settings do not train (a study takes it as an answer, not as a failure)."""


_LAG = 8  # losses on their way from the device


@dataclass(frozen=True)
class _Pending:
    losses: Tensor
    """This process's loss and the sum over all processes."""
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
        losses = torch.stack([loss, world.sum(loss.clone())])
        self._pending.append(_Pending(*_start_copy(losses), iteration, dataset, records))
        at_once = self._max_skipped > 0 or loss.device.type == "cpu"
        looks = [self._look(world) for _ in range(len(self._pending) - (0 if at_once else _LAG))]
        return all(looks)

    def flush_pending(self, world: World) -> None:
        """Look at all losses that are still on their way."""
        while self._pending:
            self._look(world)

    def _look(self, world: World) -> bool:
        pending = self._pending.popleft()
        if pending.arrived is not None:
            pending.arrived.synchronize()
        own, total = pending.losses.tolist()
        if math.isfinite(total):
            return True
        self.skipped += 1
        if self.skipped > self._max_skipped:
            mine = [] if math.isfinite(own) else [record.path for record in pending.records]
            names = ", ".join(name for part in world.gather(mine) for name in part)
            raise Diverged(
                f"the loss of {pending.dataset} is not finite in iteration {pending.iteration} (samples: {names}); "
                f"{self.skipped - 1} steps were skipped before, max_skipped is {self._max_skipped}; "
                "a lower learning rate, grad_clip or precision: fp32 may help"
            )
        return False


def _start_copy(losses: Tensor) -> tuple[Tensor, "torch.cuda.Event | None"]:
    if losses.device.type != "cuda":
        return losses, None
    host = torch.empty_like(losses, device="cpu", pin_memory=True)
    host.copy_(losses, non_blocking=True)
    event = torch.cuda.Event()
    event.record()
    return host, event
