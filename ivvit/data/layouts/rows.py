"""The samples of a listing by column: some 60 bytes each, where objects would take 300."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data import columns
from ivvit.ground.sequences import Computed

SCHEMA = pa.schema([("file", pa.string()), ("label", pa.int32()), ("group", pa.string())])
"""A file is named from the data set's folder; a group that is null is the file itself."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One image or video."""

    path: str
    """Posix, relative to the root; absolute outside it."""
    label: int
    """The index of its class."""
    group: str
    """Samples of one group belong together; by default each is a group of its own."""


class SampleRows(Computed[Sample]):
    """Samples in a fixed order.

    Args:
        table: a row each, as SCHEMA says.
        folder: what the files are named from, relative to the root (`.` for the root itself) or absolute.
    """

    def __init__(self, table: pa.Table, folder: str) -> None:
        self._table, self._folder = table, "" if folder == "." else os.path.join(folder, "")
        self._batches = table.to_batches()
        self._starts = np.cumsum([0, *map(len, self._batches)])[:-1]

    def value(self, place: int) -> Sample:
        """One of them."""
        (row,) = self._named(self._table.slice(place, 1)).to_pylist()
        return Sample(**row)

    def __len__(self) -> int:
        return len(self._table)

    def __iter__(self) -> Iterator[Sample]:
        for part in self.parts():
            yield from (Sample(**row) for row in part.to_pylist())

    def parts(self) -> Iterator[pa.Table]:
        """The columns path, label and group, some rows at a time."""
        for first in range(0, len(self), columns.BATCH):
            yield self._named(self._table.slice(first, columns.BATCH))

    def paths(self, places: np.ndarray) -> list[str]:
        """The paths at some places."""
        if not len(places):
            return []
        found = columns.gathered(self._batches.__getitem__, self._starts, places)
        return self._named(found)["path"].to_pylist()

    def _named(self, rows: pa.Table) -> pa.Table:
        file = rows["file"]
        inside = pc.binary_join_element_wise(pa.scalar(self._folder, file.type), file, pa.scalar("", file.type))
        path = pc.if_else(pc.starts_with(file, "/"), file, inside)
        return pa.table({"path": path, "label": rows["label"], "group": pc.coalesce(rows["group"], file)})
