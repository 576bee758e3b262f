"""TensorBoard events; on resuming, those after the checkpoint's iteration are marked as superseded."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ivvit.ground.errors import UserError
from ivvit.runs.job import TrainJob
from ivvit.runs.tracker import Tracker

log = logging.getLogger("ivvit.tracking")


@contextmanager
def track_with_tensorboard(job: TrainJob) -> Iterator[Tracker]:
    """Event files in the run's folder.

    Raises:
        UserError: TensorBoard is not installed.
    """
    board = _TensorBoard(job.folder / "tensorboard")
    try:
        yield board
    finally:
        board.close()


class _TensorBoard:
    """Writes event files to a folder."""

    def __init__(self, folder: Path) -> None:
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            raise UserError(
                "runtime.tensorboard is true, but tensorboard is not installed: `pip install tensorboard`"
            ) from None
        self._folder, self._make = folder, SummaryWriter
        self._writer: Any = None

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """Record the values."""
        if self._writer is None:
            # not those of this step: a validation may be what is left of it
            self._writer = self._make(str(self._folder), purge_step=step + 1)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still buffered; a failure must not fail a trained run."""
        try:
            if self._writer is not None:
                self._writer.close()
        except Exception as error:
            log.warning("TensorBoard's events cannot be written to %s (%s)", self._folder, error)
