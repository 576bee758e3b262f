"""A CSV file that grows, and is cut back to a checkpoint on resuming."""

import csv
import io
import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from ivvit.ground.errors import Failure
from ivvit.ground.files import FULL, write_bytes

log = logging.getLogger("ivvit")


class RowLog:
    """Appends rows; rows after a checkpoint are cut off when training resumes from it.

    On a full disk, rows wait in memory for room.

    Args:
        path: the CSV file, created with its header if missing.
        columns: its header.
        keep: whether a row of strings (by column) lies before the point at which training resumes.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], keep: Callable[[dict[str, str]], bool]) -> None:
        self.path = path
        self._unwritten: list[tuple[Any, ...]] = []
        self._complained = False
        kept = [row for row in read_rows(path) if keep(row)]
        write_bytes(path, _lines([columns, *(tuple(row[c] for c in columns) for row in kept)]))

    def append(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Append rows durably; on a full disk, a later call does so."""
        self._unwritten += rows
        try:
            self._write_waiting()
        except OSError as error:
            if error.errno not in FULL:
                raise
            if not self._complained:
                log.warning("%s cannot be written (%s); its rows wait until there is room", self.path, error.strerror)
            self._complained = True

    def behind(self) -> bool:
        """Whether rows wait for space."""
        return bool(self._unwritten)

    def flush_pending(self) -> None:
        """Write the rows that wait for space.

        Raises:
            UserError: the disk is still full.
        """
        try:
            self._write_waiting()
        except OSError as error:
            raise Failure(
                f"{self.path}: {len(self._unwritten)} rows cannot be written ({error.strerror}); "
                f"make room on the disk of {self.path.parent}"
            ) from error

    def _write_waiting(self) -> None:
        if not self._unwritten:
            return
        with self.path.open("ab", buffering=0) as file:
            end = os.fstat(file.fileno()).st_size
            try:
                _write(file, _lines(self._unwritten))
            except OSError:
                file.truncate(end)  # no row twice, and no half rows
                raise
        self._unwritten = []


def _lines(rows: Iterable[tuple[Any, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _write(file: io.FileIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]  # a disk that fills up writes a part
    os.fsync(file.fileno())


def read_rows(path: Path) -> list[dict[str, str]]:
    """The complete rows of a CSV file (a kill may have torn the last one); none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    return [row for row in csv.DictReader(lines) if None not in row.values() and None not in row]
