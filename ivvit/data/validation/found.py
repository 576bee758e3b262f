"""The findings of all files of a data set in Arrow's memory: of 14 million images 2 GB, of objects it would be 20."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data.columns import BATCH
from ivvit.data.validation.finding import Finding

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
    """A finding for each path; of several for one, the last counts. All are added before any is asked for.

    Args:
        paths: of all files, sorted, each once.
    """

    def __init__(self, paths: Sequence[str]) -> None:
        self.paths = paths
        self._seen = bytearray(len(paths))
        self._new: list[tuple[int, Finding]] = []
        self._parts: list[pa.RecordBatch] = []
        self._places: list[np.ndarray] = []
        self._rows: np.ndarray | None = None

    def place(self, path: str) -> int | None:
        """Where a path is among all; None where it is not."""
        place = bisect_left(self.paths, path)
        return place if place < len(self.paths) and self.paths[place] == path else None

    def add(self, place: int, finding: Finding) -> None:
        """Keep the finding for the path at a place."""
        self._seen[place], self._rows = 1, None
        self._new.append((place, finding))
        if len(self._new) == BATCH:
            self._pack()

    def has(self, place: int) -> bool:
        """Whether there is a finding for the path at a place."""
        return bool(self._seen[place])

    def lacking(self) -> np.ndarray:
        """The places without a finding so far."""
        return np.flatnonzero(np.frombuffer(self._seen, np.uint8) == 0)

    def barred(self) -> set[int]:
        """The places of files that could not be read this time."""
        return self._where(lambda part: part["no_access"])

    def columns(self, places: Sequence[int]) -> pa.Table:
        """The findings at some places, a row each; of neighbours only a few parts are looked at."""
        parts, rows = self._packed()
        number, row = np.divmod(rows[np.asarray(places, np.int64)], BATCH)
        few, which = np.unique(number, return_inverse=True)
        return pa.Table.from_batches([parts[one] for one in few], FACTS).take(pa.array(which * BATCH + row))

    def findings(self) -> Iterator[tuple[str, Finding]]:
        """All, in the order of the paths."""
        for first in range(0, len(self.paths), BATCH):
            part = self.paths[first : first + BATCH]
            for path, row in zip(part, self.columns(range(first, first + len(part))).to_pylist(), strict=True):
                yield path, Finding(**{**row, "pts": row["pts"] or [], "keys": row["keys"] or []})

    def odd(self) -> Iterator[tuple[str, str]]:
        """(path, remark) of every remark, in the order of the paths."""
        parts, rows = self._packed()
        for place in sorted(self._where(lambda part: pc.greater(pc.list_value_length(part["remarks"]), 0))):
            number, row = divmod(int(rows[place]), BATCH)
            yield from ((self.paths[place], remark) for remark in parts[number]["remarks"][row].as_py())

    def _where(self, test: Callable[[pa.RecordBatch], pa.Array]) -> set[int]:
        """The places whose finding, a row of a part, passes a test."""
        parts, rows = self._packed()
        passed = [test(part).to_numpy(zero_copy_only=False) for part in parts]
        return {*np.flatnonzero(np.concatenate([np.zeros(0, bool), *passed])[rows]).tolist()} if passed else set()

    def _pack(self) -> None:
        arrays = [pa.array([_value(finding, one.name) for _, finding in self._new], one.type) for one in FACTS]
        self._parts.append(pa.record_batch(arrays, schema=FACTS))
        self._places.append(np.array([place for place, _ in self._new], np.int64))
        self._new = []

    def _packed(self) -> tuple[list[pa.RecordBatch], np.ndarray]:
        """The parts of all findings, BATCH rows each but for the last, and the row of each path's."""
        if self._rows is None:
            if self._new:
                self._pack()
            places = np.concatenate([np.zeros(0, np.int64), *self._places])
            self._rows = np.zeros(len(self.paths), np.int64)
            self._rows[places] = np.arange(len(places))  # of equal places the last
        return self._parts, self._rows


def _value(finding: Finding, name: str) -> Any:
    """As the manifest has it: null where there are no time stamps and no key frames."""
    value = getattr(finding, name)
    return None if name in ("pts", "keys") and not value else value
