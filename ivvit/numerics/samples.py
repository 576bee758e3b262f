"""The samples of a split, as training and evaluation read them."""

from dataclasses import dataclass

from ivvit.numerics.sources import Source


@dataclass(frozen=True, kw_only=True)
class Samples:
    """What validation found usable, in the manifest's order (made by `ivvit.data.open.open_samples`)."""

    dataset: str
    classes: list[str]
    paths: list[str]
    """Each sample's file as the manifest names it, for records and messages."""
    labels: list[int]
    source: Source

    @property
    def num_classes(self) -> int:
        """Classes of the data set."""
        return len(self.classes)

    def __len__(self) -> int:
        return len(self.paths)
