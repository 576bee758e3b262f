"""A CSV file that grows, and shrinks back to where a checkpoint was."""

import csv
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class RowLog:
    """Appends rows; rows after a checkpoint are cut off when training goes on from it.

    Args:
        path: the CSV file, made with its header if it is not there.
        columns: its header.
        keep: whether a row of strings (by column) lies before the point from which training goes on.
    """

    def __init__(self, path: Path, columns: tuple[str, ...], keep: Callable[[dict[str, str]], bool]) -> None:
        self.path, self._columns = path, columns
        kept = [row for row in read_rows(path) if keep(row)]
        temporary = path.with_name(f".{path.name}.tmp")
        with temporary.open("w", newline="", encoding="utf-8") as file:
            self._write(file, [columns, *(tuple(row[c] for c in columns) for row in kept)])
        temporary.replace(path)

    def append(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Write rows at the end, durably."""
        with self.path.open("a", newline="", encoding="utf-8") as file:
            self._write(file, rows)

    @staticmethod
    def _write(file: Any, rows: Iterable[tuple[Any, ...]]) -> None:
        csv.writer(file, lineterminator="\n").writerows(rows)
        file.flush()
        os.fsync(file.fileno())


def read_rows(path: Path) -> list[dict[str, str]]:
    """The complete rows of a CSV file (a kill may have torn the last one); none where there is no file."""
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        lines = [line for line in file if line.endswith("\n")]
    return [row for row in csv.DictReader(lines) if None not in row.values() and None not in row]
