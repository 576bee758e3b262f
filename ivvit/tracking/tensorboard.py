"""TensorBoard events; on resuming, those after the checkpoint's iteration are marked as superseded."""

from pathlib import Path
from typing import Any

from ivvit.ground.errors import UserError


class TensorBoard:
    """Writes event files to a folder.

    Raises:
        UserError: TensorBoard is not installed.
    """

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
            self._writer = self._make(str(self._folder), purge_step=step)
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def close(self) -> None:
        """Write what is still buffered."""
        if self._writer is not None:
            self._writer.close()
