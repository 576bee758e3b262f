"""Optuna's journal file, made safe against a last line that a crash or a full disk left incomplete.

Optuna appends to such a line, which loses that record and makes every later read fail; here the line is cut off first.
"""

import json
import os
from pathlib import Path
from typing import Any

from filelock import FileLock
from optuna.storages.journal import JournalFileBackend

from ivvit.ground.errors import UserError

_BLOCK = 1 << 16


class SoundJournal(JournalFileBackend):
    """A journal file in which an incomplete last line is cut off before anything is appended.

    Its lock is released when its holder dies; Optuna's own would block all workers for half a minute after a kill
    during a write, and for ever where the path is relative.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        super().__init__(str(path))
        self._path, self._alone = path, FileLock(path.with_suffix(".lock"))
        with self._alone:
            cut_torn_line(path)
            check_journal(path)

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Append records, durably."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        with self._alone:
            cut_torn_line(self._path)
            with self._path.open("ab") as file:
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())


def cut_torn_line(path: Path) -> None:
    """Cut off what follows the last line end."""
    with path.open("r+b") as file:
        end = place = file.seek(0, os.SEEK_END)
        while place > 0:
            start = max(0, place - _BLOCK)
            file.seek(start)
            found = file.read(place - start).rfind(b"\n")
            if found >= 0:
                place = start + found + 1
                break
            place = start
        if place < end:
            file.truncate(place)
            os.fsync(file.fileno())


def check_journal(path: Path) -> None:
    """Raises UserError if a line is not a record."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                json.loads(line)
            except ValueError:
                text = "to keep the study up to there, replace the file by a copy of the lines before it"
                raise UserError(f"{path}: line {number} is damaged; {text}") from None
