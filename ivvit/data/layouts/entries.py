"""What a layout's reader returns."""

import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data import columns
from ivvit.data.layouts.files import is_utf8, printable
from ivvit.data.layouts.rows import SCHEMA
from ivvit.data.manifest import SPLITS
from ivvit.ground.errors import UserError


@dataclass
class Entries:
    """Classes by index, and the samples that are added; posix paths are relative to the data set's folder.

    A data set with two splits reports on its second, whatever its name: that one is `test`.
    """

    classes: list[str]
    missing: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    misnamed: list[str] = field(default_factory=list)
    """Files whose names are not UTF-8, as they are printed."""
    loose: list[str] = field(default_factory=list)
    """Files and links among the folders that belong to no class, or that no list names."""
    notes: list[str] = field(default_factory=list)
    """How the data were understood where that had to be decided."""

    def __post_init__(self) -> None:
        self._new: dict[str, list[tuple[str, int, str | None]]] = {split: [] for split in SPLITS}
        self._packed: dict[str, list[pa.RecordBatch]] = {split: [] for split in SPLITS}

    def add(self, split: str, file: str, label: int, group: str | None = None) -> None:
        """Add a sample; `group` where the layout says it."""
        if not is_utf8(file):
            self.misnamed.append(printable(file))
            return
        new = self._new[split]
        new.append((file, label, group))
        if len(new) >= columns.BATCH:
            self._pack(split)

    def rows(self, split: str, grouping: Callable[[str], str] | None) -> pa.Table:
        """The samples of a split by file and label; groups are `grouping`'s of each file, where it is given."""
        self._pack(split)
        parts, self._packed[split] = self._packed[split], []
        found = [SCHEMA.empty_table()]
        for rows in map(_table, parts) if _in_order(parts) else _sorted(parts):
            if grouping is not None:
                groups = [grouping(file) for file in rows["file"].to_pylist()]
                rows = rows.set_column(2, "group", pa.array(groups, pa.string()))
            found.append(rows)
        return pa.concat_tables(found)

    def _pack(self, split: str) -> None:
        if new := self._new[split]:
            arrays = [pa.array(column, one.type) for column, one in zip(zip(*new, strict=True), SCHEMA, strict=True)]
            self._packed[split].append(pa.record_batch(arrays, schema=SCHEMA))
            new.clear()


def _table(part: pa.RecordBatch) -> pa.Table:
    return pa.Table.from_batches([part])


def _in_order(parts: list[pa.RecordBatch]) -> bool:
    """Whether each file comes after the one before, as of most folders: sorting would take three times the memory."""
    last = None
    for part in parts:
        file = part["file"]
        if last is not None and file[0].as_py() <= last:
            return False
        if not pc.all(pc.less(file.slice(0, len(file) - 1), file.slice(1))).as_py():
            return False
        last = file[-1].as_py()
    return True


def _sorted(parts: list[pa.RecordBatch]) -> Iterator[pa.Table]:
    """The rows by file and label."""
    order = pc.sort_indices(pa.Table.from_batches(parts), [("file", "ascending"), ("label", "ascending")])
    starts = np.cumsum([0, *map(len, parts)])[:-1]
    for first in range(0, len(order), columns.BATCH):
        places = order.slice(first, columns.BATCH).to_numpy().astype(np.int64)
        yield columns.gathered(parts.__getitem__, starts, places)


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
