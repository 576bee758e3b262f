"""Some of a sequence's values, without a list of their positions."""

from collections.abc import Sequence
from typing import Generic, TypeVar

import numpy as np

from ivvit.ground.sequences import Computed

_BLOCK = 512  # bits between two counts

Value = TypeVar("Value")


class Selection:
    """The positions at which a mask is true, in an eighth of a byte for each of the mask's: workers are sent it."""

    def __init__(self, mask: np.ndarray) -> None:
        """Of a mask bool (N,)."""
        self._bits = np.packbits(mask)
        counts = np.add.reduceat(mask, np.arange(0, len(mask), _BLOCK), dtype=np.int64)
        self._before = np.cumsum(counts) - counts
        self._size = int(counts.sum())

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: int) -> int:
        """The position of the true value number `place`."""
        if not 0 <= place < self._size:
            raise IndexError(place)
        block = int(np.searchsorted(self._before, place, side="right")) - 1
        inside = np.flatnonzero(np.unpackbits(self._bits[block * _BLOCK // 8 : (block + 1) * _BLOCK // 8]))
        return block * _BLOCK + int(inside[place - int(self._before[block])])


class Selected(Computed[Value], Generic[Value]):
    """Those of a sequence's values that a selection names, in the sequence's order."""

    def __init__(self, values: Sequence[Value], selection: Selection) -> None:
        self._values, self._selection = values, selection

    def value(self, place: int) -> Value:
        """The value at the position that the selection names there."""
        return self._values[self._selection[place]]

    def __len__(self) -> int:
        return len(self._selection)
