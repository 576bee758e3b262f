"""A manifest's columns by memory map: opened at once whatever their length, and sent to a worker as a file's name.

The table is an Arrow file, uncompressed, in record batches of BATCH rows: a row is found without looking for it. Pages
that were looked at are given back every so often, so that reading all of a column does not fill a process's memory.
"""

import mmap
import os
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import IO, Any, Generic, TypeVar

import numpy as np
import pyarrow as pa

from ivvit.ground.errors import UserError
from ivvit.ground.sequences import Computed

BATCH = 1 << 14
"""Rows of a record batch, of all but the last."""
UNREADABLE = (OSError, ValueError, pa.ArrowException)
"""What reading a damaged table may raise: some of Arrow's errors are neither of the others."""
RELEASE = 1 << 9
"""Values read between two releases of pages: the kernel maps 64 KiB for each."""

Value = TypeVar("Value", str, int)


class MappedTable:
    """An Arrow file.

    Raises:
        one of UNREADABLE: it is missing, or no Arrow file of such batches.
    """

    def __init__(self, stream: IO[bytes]) -> None:
        self._memory = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        self._reader = pa.ipc.open_file(pa.py_buffer(self._memory))
        self.metadata: dict[str, str] = {
            key.decode(): value.decode() for key, value in (self._reader.schema.metadata or {}).items()
        }
        self._names = self._reader.schema.names
        self._batches: dict[int, pa.RecordBatch] = {}
        self._reads = 0

    def __len__(self) -> int:
        full = self._reader.num_record_batches - 1
        return full * BATCH + len(self.batch(full)) if full >= 0 else 0

    def read(self) -> pa.Table:
        """All of it, still by memory map."""
        return self._reader.read_all()

    def scalar(self, name: str, row: int) -> Any:
        """An Arrow scalar."""
        self._reads += 1
        if self._reads % RELEASE == 0:
            self.release()
        number, place = divmod(row, BATCH)
        return self.batch(number).column(self._names.index(name))[place]

    def parts(self, first: int = 0, stop: int | None = None) -> Iterator[pa.RecordBatch]:
        """The rows first ... stop - 1 (all of them, by default), batch by batch."""
        stop = len(self) if stop is None else stop
        while first < stop:
            number, place = divmod(first, BATCH)
            found = self.batch(number).slice(place, stop - first)
            yield found
            self.release()
            first += len(found)

    def take(self, rows: np.ndarray) -> pa.Table:
        """Some rows, in the order given."""
        found = gathered(self.batch, np.arange(0, len(self), BATCH), rows)
        self.release()
        return found

    def release(self) -> None:
        """Give back the pages that were looked at; they stay in the system's cache."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self._memory.madvise(mmap.MADV_DONTNEED)

    def batch(self, number: int) -> pa.RecordBatch:
        """The rows from number * BATCH on, BATCH of them but for the last."""
        if number not in self._batches:
            self._batches[number] = self._reader.get_batch(number)
        return self._batches[number]


def gathered(batch: Callable[[int], pa.RecordBatch], starts: np.ndarray, rows: np.ndarray) -> pa.Table:
    """Rows of a table in batches, each of which begins at one of `starts`; only those that have some are looked at.

    Arrow's own `take` of a table joins all of its texts first.
    """
    number = np.searchsorted(starts, rows, "right") - 1
    order = np.argsort(number, kind="stable")
    few, first = np.unique(number[order], return_index=True)
    parts = [
        batch(int(one)).take(pa.array(rows[places] - starts[one]))
        for one, places in zip(few, np.split(order, first[1:]), strict=True)
    ]
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    found = pa.Table.from_batches(parts or [batch(0).slice(0, 0)]).combine_chunks()
    return found if len(parts) < 2 else found.take(pa.array(back))


def open_table(file: Path, digest: str) -> MappedTable:
    """The table of a manifest with this digest; each version of a file is mapped once a process.

    Raises:
        UserError: the file is missing, damaged, or of another validation.
    """
    try:
        stat = os.stat(file)
        table = _mapped(file, (stat.st_ino, stat.st_size, stat.st_mtime_ns))
    except FileNotFoundError:
        raise UserError(f"{file} is missing beside its lock; validate the data set again") from None
    except UNREADABLE as error:
        raise UserError(f"{file} cannot be read ({error}); validate the data set again") from error
    if table.metadata.get("digest") != digest:
        raise UserError(f"{file} and its lock are not of the same validation; validate the data set again")
    return table


@lru_cache(maxsize=32)
def _mapped(file: Path, version: tuple[int, int, int]) -> MappedTable:
    with file.open("rb") as stream:
        return MappedTable(stream)


class Column(Computed[Value], Generic[Value]):
    """The values of a column, of the rows of one split."""

    def __init__(self, file: Path, digest: str, name: str, rows: range) -> None:
        self._file, self._digest, self._name, self._rows = file, digest, name, rows
        self._table = open_table(file, digest)

    def value(self, place: int) -> Value:
        """The value of a row of the split."""
        return self.scalar(place).as_py()

    def scalar(self, place: int) -> Any:
        """The same as Arrow has it, without a copy."""
        return self._table.scalar(self._name, self._rows[place])

    def __iter__(self) -> Iterator[Value]:
        for part in self._table.parts(self._rows.start, self._rows.stop):
            yield from part.column(self._name).to_pylist()

    def __len__(self) -> int:
        return len(self._rows)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._file, self._digest, self._name, self._rows)
