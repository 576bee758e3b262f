"""The timelines of videos, from the columns of their manifest."""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ivvit.data.manifest import Manifest
from ivvit.ground.sequences import Computed
from ivvit.numerics.timeline import Timeline

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("frames", "fps", "time_base", "first_pts", "pts_step", "stamped", "pts", "keys")


class Timelines(Computed[Timeline]):
    """Those of a split, each read where it is asked for."""

    def __init__(self, manifest: Manifest, split: str) -> None:
        self._columns = [manifest.column(name, split) for name in COLUMNS]

    def value(self, place: int) -> Timeline:
        """The timeline of a row of the split."""
        *numbers, pts, keys = (column.scalar(place) for column in self._columns)
        return _timeline(*(number.as_py() for number in numbers), *(_array(values) for values in (pts, keys)))

    def __len__(self) -> int:
        return len(self._columns[0])


def timelines(rows: "pd.DataFrame") -> Iterator[Timeline]:
    """The timelines of videos, in the order of a table's rows."""
    return (_timeline(*row) for row in zip(*(rows[name] for name in COLUMNS), strict=True))


def _timeline(
    frames: int, fps: float, base: str, first: int, step: int, stamped: bool, pts: np.ndarray | None,
    keys: np.ndarray | None,
) -> Timeline:  # fmt: skip
    return Timeline(
        int(frames), float(fps), _fraction(base), int(first), int(step), pts,
        None if keys is None else keys.reshape(-1, 4), bool(stamped),
    )  # fmt: skip


_fraction = lru_cache(maxsize=256)(Fraction)


def _array(values: Any) -> np.ndarray | None:
    """A list of numbers in memory of its own, for the table's pages come and go."""
    return np.from_dlpack(values.values).copy() if values.is_valid else None  # to_numpy imports pandas
