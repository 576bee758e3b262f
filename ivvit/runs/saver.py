"""Checkpoints of a run: a thread writes them while training continues."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from torch import Tensor

from ivvit.ground.errors import Failure
from ivvit.runs.checkpoint import save_checkpoint

log = logging.getLogger("ivvit")


class Saver:
    """Writes one checkpoint at a time."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._writer = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future | None = None

    def start(self, iteration: int, state: dict[str, Any]) -> None:
        """Copy the state and write it in the background. A full disk does not stop training."""
        self.wait()
        self._writing = self._writer.submit(self._try, iteration, _copied(state))

    def save(self, iteration: int, state: dict[str, Any]) -> None:
        """Write the state before returning.

        Raises:
            UserError: it cannot be written; the checkpoint before it is kept.
        """
        self.wait()
        try:
            save_checkpoint(self._folder, iteration, state)
        except OSError as error:
            raise Failure(self._complaint(iteration, error)) from error

    def wait(self) -> None:
        """Wait until nothing is being written."""
        if self._writing is not None:
            self._writing.result()
            self._writing = None

    def _try(self, iteration: int, state: dict[str, Any]) -> None:
        try:
            save_checkpoint(self._folder, iteration, state)
        except OSError as error:
            log.warning("%s", self._complaint(iteration, error))

    def _complaint(self, iteration: int, error: OSError) -> str:
        return (
            f"{self._name}: the checkpoint of iteration {iteration} cannot be written to {self._folder} "
            f"({error.strerror}); the one before it is kept. Make room on that disk"
        )


def _copied(value: Any) -> Any:
    """The same structure with copies of its tensors, in the CPU's memory."""
    if isinstance(value, Tensor):
        return value.detach().to("cpu", copy=True)
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_copied, value))
    return value
