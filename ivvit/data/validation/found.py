"""The findings of all files of a data set: on disk, and by memory map where they are asked for."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ivvit.data import columns
from ivvit.data.layouts.rows import SampleRows
from ivvit.data.spill import Spill
from ivvit.data.validation.finding import Finding
from ivvit.data.validation.path_index import PathIndex

FACTS = pa.schema(
    [
        ("size", pa.int64()), ("mtime_ns", pa.int64()), ("sha256", pa.string()), ("damage", pa.string()),
        ("no_access", pa.bool_()), ("remarks", pa.list_(pa.string())), ("frames", pa.int32()), ("fps", pa.float64()),
        ("width", pa.int32()), ("height", pa.int32()), ("time_base", pa.string()), ("first_pts", pa.int64()),
        ("pts_step", pa.int64()), ("pts", pa.large_list(pa.int64())), ("keys", pa.large_list(pa.int64())),
        ("stamped", pa.bool_()),
    ]
)  # fmt: skip


class Found:
    """A finding for the path of each sample; of several for one, the last counts. All are added before any is read.

    Args:
        samples: those of all splits; a sample's place is its number among them. One whose path was there before has the
            finding of the first.
        folder: where they are kept.
    """

    def __init__(self, samples: SampleRows, folder: Path) -> None:
        self.samples = samples
        self.index = PathIndex(samples)
        self.repeats, self._firsts = self.index.repeated()
        self.barred = np.zeros(len(samples), bool)
        """Of each place, whether the file could not be read this time."""
        self._spill = Spill(folder, FACTS)
        self._rows = np.full(len(samples), -1)
        self._new: list[Finding] = []
        self._count = 0

    def add(self, place: int, finding: Finding) -> None:
        """Keep the finding for the path at a place."""
        self._rows[place], self.barred[place] = self._count, finding.no_access
        self._count += 1
        self._new.append(finding)
        if len(self._new) == columns.BATCH:
            self._pack()

    def is_barred(self, path: str) -> bool:
        """Whether it is one of those that could not be read this time."""
        (place,) = self.index.places([path])
        return bool(place >= 0 and self.barred[place])

    def lacking(self) -> np.ndarray:
        """The places without a finding so far, each path's first."""
        lacks = self._rows < 0
        lacks[self.repeats] = False
        return np.flatnonzero(lacks)

    def at(self, places: np.ndarray) -> pa.Table:
        """The findings at some places, a row each."""
        table, rows = self._packed
        return table.take(rows[places])

    def findings(self) -> Iterator[tuple[str, Finding]]:
        """All, each path once."""
        once = np.ones(len(self.samples), bool)
        once[self.repeats] = False
        for places in in_batches(np.flatnonzero(once)):
            for path, row in zip(self.samples.paths(places), self.at(places).to_pylist(), strict=True):
                yield path, Finding(**{**row, "pts": row["pts"] or [], "keys": row["keys"] or []})

    def _pack(self) -> None:
        arrays = [pa.array([_value(finding, one.name) for finding in self._new], one.type) for one in FACTS]
        self._spill.write(pa.record_batch(arrays, schema=FACTS))
        self._new = []

    @cached_property
    def _packed(self) -> tuple[columns.MappedTable, np.ndarray]:
        """All findings as they came, and the row of each place's."""
        self._pack()
        self._rows[self.repeats] = self._rows[self._firsts]
        return self._spill.table(), self._rows


def in_batches(places: np.ndarray) -> Iterator[np.ndarray]:
    """Some at a time."""
    for first in range(0, len(places), columns.BATCH):
        yield places[first : first + columns.BATCH]


def _value(finding: Finding, name: str) -> Any:
    """As the manifest has it: null where there are no time stamps and no key frames."""
    value = getattr(finding, name)
    return None if name in ("pts", "keys") and not value else value
