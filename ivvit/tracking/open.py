"""The trackers that a job's runtime options ask for."""

from collections.abc import Iterator
from contextlib import contextmanager

from ivvit.runs.job import TrainJob
from ivvit.runs.tracker import Tracker
from ivvit.tracking.comet import track_with_comet
from ivvit.tracking.tensorboard import TensorBoard


class _All:
    """Several trackers as one."""

    def __init__(self, trackers: list[Tracker]) -> None:
        self._trackers = trackers

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        for tracker in self._trackers:
            tracker.log_metrics(values, step)


@contextmanager
def open_tracking(job: TrainJob) -> Iterator[Tracker]:
    """What `ivvit.runs.run.train` takes as `tracking`.

    Raises:
        UserError: TensorBoard is asked for and not installed.
    """
    board = TensorBoard(job.folder / "tensorboard") if job.runtime.tensorboard else None
    try:
        if job.runtime.comet:
            with track_with_comet(job) as comet:
                yield _All([tracker for tracker in (comet, board) if tracker is not None])
        else:
            yield _All([board] if board is not None else [])
    finally:
        if board is not None:
            board.close()
