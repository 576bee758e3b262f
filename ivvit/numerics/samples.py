"""The samples of a split, as training and evaluation read them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np

from ivvit.numerics.selection import Selected, Selection
from ivvit.numerics.sources import Source


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What validation found usable, in the manifest's order (made by `ivvit.data.open.open_samples`).

    The sequences may lie on disk: a value is read where it is asked for.
    """

    dataset: str
    classes: list[str]
    paths: Sequence[str]
    """Each sample's file as the manifest names it, for records and messages."""
    labels: Sequence[int]
    groups: Sequence[str]
    """Samples of one group belong together."""
    source: Source

    @property
    def num_classes(self) -> int:
        """Classes of the data set."""
        return len(self.classes)

    def take(self, mask: np.ndarray) -> Self:
        """Those at which the mask, bool (N,), is true."""
        selection = Selection(mask)
        return replace(
            self,
            paths=Selected(self.paths, selection),
            labels=Selected(self.labels, selection),
            groups=Selected(self.groups, selection),
            source=self.source.take(selection),
        )

    def __len__(self) -> int:
        return len(self.paths)
