"""The manifest of a data set: what validation found out, as training reads it."""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.ground.digest import checksum_of
from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from ivvit.data.columns import Column, MappedTable

FORMAT = 3
SPLITS = ("train", "val", "test")
"""What samples are for: to train on, to select by, to report on; in a table they follow each other in this order."""


@dataclass(frozen=True)
class Manifest:
    """A data set's usable samples.

    The table has a row per sample: split, path (relative to the root), label, group, frames, fps, width, height,
    duration (seconds), size (bytes), mtime_ns, sha256; and, for videos, time_base, first_pts, pts_step, pts, keys
    and stamped (see `Timeline`). The rows of a split lie together.
    """

    dataset: str
    classes: list[str]
    digest: str
    counts: dict[str, int]
    """Samples of each split."""
    file: Path
    """Of the table."""
    checksum: str
    """Of the table as it was written."""

    @cached_property
    def table(self) -> "pd.DataFrame":
        """All of the table, in memory. Raises UserError as `check` does."""
        self.check()
        return self._mapped.read().to_pandas()

    def check(self) -> None:
        """Read all of the table's file, once a process: 4 GB of 14 million images take seconds.

        Raises:
            UserError: it is not what was written.
        """
        stat = os.stat(self.file)
        if _checksum(self.file, (stat.st_ino, stat.st_size, stat.st_mtime_ns)) != self.checksum:
            raise UserError(f"{self.file} is not what was written: its checksum differs; validate {self.dataset} again")

    def split(self, name: str) -> "pd.DataFrame":
        """The rows of one split, in the manifest's order."""
        return self.table[self.table["split"] == name].reset_index(drop=True)

    def column(self, name: str, split: str) -> "Column[Any]":
        """The values of one column, of one split, by memory map."""
        from ivvit.data.columns import Column

        first = sum(self.counts[before] for before in SPLITS[: SPLITS.index(split)])
        return Column(self.file, self.digest, name, range(first, first + self.counts[split]))

    @property
    def _mapped(self) -> "MappedTable":
        from ivvit.data.columns import open_table

        return open_table(self.file, self.digest)


_KEYS = {"dataset", "digest"}  # of manifests and of frame stores
_CONTENT: dict[str, Callable[[Any], bool]] = {
    "class_names": lambda names: isinstance(names, list),
    "counts": lambda counts: isinstance(counts, dict) and [*map(type, map(counts.get, SPLITS))] == [int] * len(SPLITS),
}
"""What only a manifest has, and what it must be like."""


def read_lock(lock: Path) -> dict[str, Any]:
    """The small JSON of a manifest or a frame store.

    Raises:
        UserError: it is missing or not readable.
    """
    try:
        content = json.loads(Path(lock).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{lock} does not exist; make it with `ivvit validate` (or let Snakemake do it)") from None
    except ValueError as error:
        raise UserError(f"{lock} is not valid JSON ({error}); remove it and validate again") from error
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise UserError(f"{lock} has format {found}, expected {FORMAT}; remove it and validate again")
    if missing := _KEYS - content.keys():
        raise UserError(f"{lock} is not what was written ({min(missing)} is missing); remove it and validate again")
    return content


def load_manifest(lock: Path) -> Manifest:
    """The manifest whose lock is `lock`; its table, <stem>.arrow beside it, is read where it is looked at.

    Of the table, only the size is compared with what was written (see `Manifest.check`).

    Raises:
        UserError: one of the two files is missing or damaged, or they do not belong together.
    """
    from ivvit.data.columns import UNREADABLE, open_table  # here, because Snakemake's process needs no pyarrow

    content = read_lock(lock)
    wrong = next((key for key, sound in _CONTENT.items() if not sound(content.get(key))), None)
    if wrong:
        raise UserError(f"{lock} is not what was written: {wrong} is missing; remove it and validate again")
    file, name = table_file(lock), content["dataset"]
    try:
        rows, size = len(open_table(file, content["digest"])), file.stat().st_size
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    except UNREADABLE as error:
        raise UserError(f"{name}: {file} cannot be read ({error}); validate the data set again") from error
    written, checksum = _written(lock, content)
    if size != written:
        raise UserError(f"{file} has {size} bytes, {written} were written; validate {name} again")
    if rows != sum(content["counts"].values()):
        raise UserError(f"{file} and {lock} differ in the number of samples; validate again")
    return Manifest(name, content["class_names"], content["digest"], content["counts"], file, checksum)


def table_file(lock: Path) -> Path:
    """Where the table of a lock lies."""
    return Path(lock).with_suffix(".arrow")


def _written(lock: Path, content: dict[str, Any]) -> tuple[int, str]:
    """Size and checksum of the table, as a lock says."""
    try:
        return content["table"]["bytes"], content["table"]["checksum"]
    except (LookupError, TypeError):
        raise UserError(f"{lock} is not what was written (size or checksum of the table); validate again") from None


def sealed(file: Path) -> dict[str, Any]:
    """What a lock is to say of its table's file, which has been written."""
    return {"bytes": file.stat().st_size, "checksum": checksum_of(file)}


@lru_cache(maxsize=32)
def _checksum(file: Path, version: tuple[int, int, int]) -> str:
    return checksum_of(file)
