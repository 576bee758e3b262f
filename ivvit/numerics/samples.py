"""The samples of a split, as training and evaluation read them."""

from dataclasses import dataclass, replace
from typing import Self

from ivvit.numerics.sources import Source


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What validation found usable, in the manifest's order (made by `ivvit.data.open.open_samples`)."""

    dataset: str
    classes: list[str]
    paths: list[str]
    """Each sample's file as the manifest names it, for records and messages."""
    labels: list[int]
    groups: list[str]
    """Samples of one group belong together."""
    source: Source

    @property
    def num_classes(self) -> int:
        """Classes of the data set."""
        return len(self.classes)

    def take(self, indices: list[int]) -> Self:
        """Those at these positions."""
        return replace(
            self,
            paths=[self.paths[index] for index in indices],
            labels=[self.labels[index] for index in indices],
            groups=[self.groups[index] for index in indices],
            source=self.source.take(indices),
        )

    def __len__(self) -> int:
        return len(self.paths)
