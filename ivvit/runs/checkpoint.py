"""Checkpoints: written whole or not at all, their checksum in the name, the last two kept.

A checkpoint is `state/<iteration>-<sha256 of the file>.ckpt`: one rename makes it appear with its checksum.
"""

import hashlib
import logging
import re
from pathlib import Path
from typing import Any, BinaryIO, cast

import torch

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import TEMPORARY, explained, publish, temporary_beside

log = logging.getLogger("ivvit")

FORMAT = 1
KEPT = 2
_NAME = re.compile(r"^(\d+)-([0-9a-f]{64})\.ckpt$")


class _Hashed:
    """A file that hashes what is written, and remembers why writing failed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest = hashlib.sha256()
        self.error: OSError | None = None

    def write(self, data: Any) -> int:
        self.digest.update(data)
        try:
            return self._file.write(data)
        except OSError as error:  # torch hides it behind an error of its own
            self.error = error
            raise

    def flush(self) -> None:
        self._file.flush()


def save_checkpoint(folder: Path, iteration: int, state: dict[str, Any]) -> Path:
    """Write a checkpoint, then remove all but the last two.

    Raises:
        OSError: it could not be written (a full disk); those before it are untouched.
    """
    place = folder / f"{iteration:09d}.ckpt"
    with explained(place), temporary_beside(place) as temporary:
        with temporary.open("wb") as file:
            hashed = _Hashed(file)
            try:
                torch.save({"format": FORMAT, "iteration": iteration, **state}, cast(BinaryIO, hashed))
            except RuntimeError as error:
                raise hashed.error or error from None
        path = folder / f"{iteration:09d}-{hashed.digest.hexdigest()}.ckpt"
        publish(temporary, path)
    for old in checkpoints(folder):
        if old != path and _iteration(old) == iteration:
            old.unlink(missing_ok=True)
    keep_newest(folder, KEPT)
    return path


def load_checkpoint(folder: Path) -> dict[str, Any] | None:
    """The newest intact checkpoint, on the CPU; None if there is none.

    Raises:
        UserError: it was written by another version of the format.
    """
    for path in reversed(checkpoints(folder)):
        if sha256_of(path) != _parts(path)[2]:
            log.warning("%s is damaged (its checksum differs); the checkpoint before it is used", path)
            continue
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] != FORMAT:
            raise UserError(f"{path} has format {state['format']}, expected {FORMAT}; remove {folder} to start again")
        return state
    return None


def checkpoints(folder: Path) -> list[Path]:
    """The complete checkpoints in a folder, oldest first."""
    found = [path for path in folder.glob("*.ckpt") if _NAME.match(path.name)] if folder.is_dir() else []
    return sorted(found, key=_iteration)


def keep_newest(folder: Path, count: int) -> None:
    """Remove all but the newest checkpoints, and half-written files that a kill left."""
    for path in [*checkpoints(folder)[:-count], *folder.glob(f".*{TEMPORARY}")]:
        path.unlink(missing_ok=True)


def _iteration(path: Path) -> int:
    return int(_parts(path)[1])


def _parts(path: Path) -> re.Match[str]:
    found = _NAME.match(path.name)
    assert found is not None, path  # `checkpoints` gives no others
    return found
