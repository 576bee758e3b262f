"""The trackers that a job's runtime options ask for."""

import logging
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

from ivvit.ground.errors import Failure, UserError
from ivvit.runs.job import TrainJob
from ivvit.runs.tracker import NoTracker, Tracker
from ivvit.tracking.comet import track_with_comet
from ivvit.tracking.tensorboard import track_with_tensorboard
from ivvit.tracking.wandb import track_with_wandb

log = logging.getLogger("ivvit.tracking")


class _All:
    """Several trackers as one; one that fails gets no more numbers."""

    def __init__(self, trackers: dict[str, Tracker]) -> None:
        self._trackers = trackers

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        for name, tracker in list(self._trackers.items()):
            try:
                tracker.log_metrics(values, step)
            except Exception as error:  # whatever a library raises must not fail a training
                log.warning("%s gets no more numbers; they are all in history.csv (%s)", name, error)
                del self._trackers[name]


@contextmanager
def open_tracking(job: TrainJob) -> Iterator[Tracker]:
    """What `ivvit.runs.run.train` takes as `tracking`.

    Raises:
        UserError: TensorBoard or Weights & Biases is asked for and not installed.
    """
    wanted = {
        "TensorBoard": (job.runtime.tensorboard, track_with_tensorboard),
        "Comet": (job.runtime.comet, track_with_comet),
        "Weights & Biases": (job.runtime.wandb, track_with_wandb),
    }
    with ExitStack() as stack:
        yield _All({name: _opened(stack, name, track(job)) for name, (asked, track) in wanted.items() if asked})


def _opened(stack: ExitStack, name: str, tracker: AbstractContextManager[Tracker]) -> Tracker:
    try:
        return stack.enter_context(tracker)
    except Exception as error:
        if isinstance(error, UserError) and not isinstance(error, Failure):  # it is not installed
            raise
        log.warning("%s gets no numbers; they are all in history.csv (%s)", name, error)
        return NoTracker()
