"""A data set's samples as its layout gives them, before any file is opened."""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.cifar import read_cifar100
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.files import is_utf8, printable
from ivvit.data.layouts.folders import read_folders
from ivvit.data.layouts.kinetics import read_kinetics
from ivvit.data.layouts.listfile import read_list
from ivvit.data.layouts.rows import SampleRows
from ivvit.data.layouts.tiny_imagenet import read_tiny_imagenet
from ivvit.data.layouts.ucf101 import read_ucf101
from ivvit.data.manifest import SPLITS
from ivvit.data.places import dataset_folder, dataset_path, relative_to_root
from ivvit.ground.errors import UserError

READERS: dict[str, Callable[[Path, DatasetOptions], Entries]] = {
    "tiny-imagenet": read_tiny_imagenet,
    "cifar100": read_cifar100,
    "ucf101": read_ucf101,
    "kinetics": read_kinetics,
    "image-folder": read_folders,
    "video-folder": read_folders,
    "list-file": read_list,
}


@dataclass(frozen=True)
class Listing:
    """What the layout says: classes in the order of their indices, and the samples of each split."""

    classes: tuple[str, ...]
    samples: SampleRows
    """Those of all splits, one after the other."""
    splits: dict[str, SampleRows]
    """The samples by split, each perhaps empty."""
    missing: list[str] = field(default_factory=list)
    """Files that a list names and that are not on disk (posix, relative to the data set's folder)."""
    ignored: list[str] = field(default_factory=list)
    """Files among the data that have no extension of the medium (same form)."""
    misnamed: list[str] = field(default_factory=list)
    """Files whose names are not UTF-8 (their bytes, as in Python); neither a table nor a report could name them."""

    loose: list[str] = field(default_factory=list)
    """Files, links and folders that belong to no class, or that no list names (same form)."""
    notes: list[str] = field(default_factory=list)
    """How a list was understood."""

    @property
    def train(self) -> SampleRows:
        """The samples to train on."""
        return self.splits["train"]

    @property
    def test(self) -> SampleRows:
        """The samples to report on."""
        return self.splits["test"]


def list_samples(name: str, options: DatasetOptions, root: Path) -> Listing:
    """The classes and samples of a data set, in a fixed order.

    Raises:
        UserError: the folder or a list file is missing or cannot be understood, a class is not in the one source of
            class indices, or the pattern of groups does not match a file.
    """
    path = dataset_path(options, root)
    if not os.path.lexists(path):
        raise UserError(f"{name}: {path} does not exist; put the data there, or set datasets.{name}.path or root_path")
    if not path.exists():
        raise UserError(
            f"{name}: {path} is a link that leads nowhere; mend it, or set datasets.{name}.path or root_path"
        )
    try:
        entries = READERS[options.kind](path, options)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    except OSError as error:
        told = f"{error.filename or path} cannot be read ({error.strerror})"
        raise UserError(f"{name}: {told}; mend access to it and validate again") from error
    for label in entries.classes:
        if not is_utf8(label):
            raise UserError(f"{name}: the name of the class folder {printable(label)} is not UTF-8; rename it")
    folder = relative_to_root(dataset_folder(options, root), root)
    grouping = _grouping(name, options)
    tables = {split: entries.rows(split, grouping) for split in SPLITS}
    ignored = [printable(file) for file in entries.ignored]
    loose = sorted(map(printable, entries.loose))
    return Listing(
        tuple(entries.classes), SampleRows(pa.concat_tables(tables.values()), folder),
        {split: SampleRows(table, folder) for split, table in tables.items()}, missing=entries.missing, ignored=ignored,
        misnamed=sorted(entries.misnamed), loose=loose, notes=entries.notes,
    )  # fmt: skip


def _grouping(name: str, options: DatasetOptions) -> Callable[[str], str] | None:
    """From a file, named from the data set's folder, to its group, where the data set has a pattern for it."""
    if options.group is None:
        return None
    pattern = re.compile(options.group)

    def match(file: str) -> str:
        found = pattern.search(file)
        if found is None:
            raise UserError(f"{name}: datasets.{name}.group: {options.group!r} matches nothing in {file}")
        return found[1] if pattern.groups else found[0]

    return match
