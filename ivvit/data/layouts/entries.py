"""What a layout's reader returns."""

import unicodedata
from dataclasses import dataclass, field

from ivvit.data.layouts.files import printable
from ivvit.data.manifest import SPLITS
from ivvit.ground.errors import UserError


@dataclass
class Entries:
    """Classes by index; per split (file, label) with posix paths relative to the data set's folder.

    A data set with two splits reports on its second, whatever its name: that one is `test`.
    """

    classes: list[str]
    samples: dict[str, list[tuple[str, int]]] = field(default_factory=lambda: {split: [] for split in SPLITS})
    missing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    loose: list[str] = field(default_factory=list)
    """Files and links among the folders that belong to no class, or that no list names."""
    groups: dict[str, str] = field(default_factory=dict)
    """File -> its group, where the layout says it."""
    notes: list[str] = field(default_factory=list)
    """How the data were understood where that had to be decided."""


def class_index(classes: list[str], found: set[str], where: str) -> dict[str, int]:
    """Index of each class; every class found elsewhere must be one of `classes`.

    Raises:
        UserError: `found` has a name that is not in `classes`.
    """
    unknown = sorted(found - set(classes))
    if unknown:
        forms = {unicodedata.normalize("NFC", name): name for name in classes}
        if (twin := forms.get(unicodedata.normalize("NFC", unknown[0]))) is not None:
            raise UserError(
                f"{where}: {printable(unknown[0])} is {printable(twin)} of the training split in another form of "
                "Unicode (NFC and NFD look the same); rename one of them"
            )
        names = ", ".join(printable(name) for name in unknown[:5])
        raise UserError(
            f"{where} has {len(unknown)} classes that the training split has not: {names}; "
            "rename or remove these folders"
        )
    return {name: index for index, name in enumerate(classes)}
