"""Rows and texts that are too many for memory: in files without a name, which vanish with the process."""

import heapq
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ivvit.data import columns
from ivvit.ground.files import explained


class Spill:
    """An Arrow file that is written once and then read by memory map.

    Args:
        folder: that of what the rows are for: their disk has room for it, or the result would not fit either.
        schema: of the rows.

    Raises:
        UnwritableError: the folder cannot be written, or its disk is full.
    """

    def __init__(self, folder: Path, schema: pa.Schema) -> None:
        self._folder = folder
        with explained(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (it lasts as long as this)
            self._writer = pa.ipc.new_file(self._file, schema)

    def write(self, batch: pa.RecordBatch) -> None:
        """Add rows: `columns.BATCH` of them, and fewer only at the end, where they are to be found by their number."""
        with explained(self._folder):
            self._writer.write_batch(batch)

    def table(self) -> columns.MappedTable:
        """All rows; nothing can be added any more."""
        with explained(self._folder):
            self._writer.close()
            self._file.flush()
        return columns.MappedTable(self._file)


class SortedTexts:
    """Texts in the order of their characters, whatever their number: an external merge sort.

    Parts that follow each other in order are one run, so what comes sorted is not sorted again.
    """

    def __init__(self, folder: Path) -> None:
        self._spill = Spill(folder, pa.schema([("text", pa.large_string())]))
        self._runs: list[list[int]] = []
        self._parts, self._last = 0, ""

    def add(self, texts: list[str]) -> None:
        """Add some, at least one."""
        texts = sorted(texts)
        if not self._runs or texts[0] < self._last:
            self._runs.append([])
        self._runs[-1].append(self._parts)
        self._parts, self._last = self._parts + 1, texts[-1]
        self._spill.write(pa.record_batch([pa.array(texts, pa.large_string())], names=["text"]))

    def __iter__(self) -> Iterator[str]:
        table = self._spill.table()
        length = max(1, columns.BATCH // max(1, len(self._runs)))  # in memory of each run, so of all about BATCH
        return heapq.merge(*(_texts(table, run, length) for run in self._runs))


def _texts(table: columns.MappedTable, run: list[int], length: int) -> Iterator[str]:
    for number in run:
        texts = table.batch(number).column(0)
        for first in range(0, len(texts), length):
            yield from texts.slice(first, length).to_pylist()
        table.release()
