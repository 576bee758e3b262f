"""What training reports to a tracker, if there is one. A tracker never changes, slows or stops training."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from ivvit.runs.job import TrainJob


class Tracker(Protocol):
    """Takes numbers by name, such as `train_loss/UCF101`, and the iteration they belong to."""

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """Record the values; returns at once."""


class NoTracker:
    """Discards everything."""

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """Nothing."""


Tracking = Callable[[TrainJob], AbstractContextManager[Tracker]]
"""Opens the trackers that a job's runtime options ask for (see ivvit.tracking)."""


def open_tracker(tracking: Tracking | None, job: TrainJob, enabled: bool) -> AbstractContextManager[Tracker]:
    """The job's tracker; one that discards everything if none is given or this process does not report."""
    return tracking(job) if tracking is not None and enabled else nullcontext(NoTracker())
