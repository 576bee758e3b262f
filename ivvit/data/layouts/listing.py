"""A data set's samples as its layout gives them, before any file is opened."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.cifar import read_cifar100
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.files import is_utf8, printable
from ivvit.data.layouts.folders import read_folders
from ivvit.data.layouts.kinetics import read_kinetics
from ivvit.data.layouts.listfile import read_list
from ivvit.data.layouts.tiny_imagenet import read_tiny_imagenet
from ivvit.data.layouts.ucf101 import read_ucf101
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


@dataclass(frozen=True, slots=True)
class Sample:
    """One image or video: a posix path relative to the root (absolute outside it) and its class index."""

    path: str
    label: int


@dataclass(frozen=True)
class Listing:
    """What the layout says: classes in the order of their indices, and the samples of both splits."""

    classes: tuple[str, ...]
    train: list[Sample]
    val: list[Sample]
    missing: list[str] = field(default_factory=list)
    """Files that a list names and that are not on disk (posix, relative to the data set's folder)."""
    ignored: list[str] = field(default_factory=list)
    """Files among the data that have no extension of the medium (same form)."""
    misnamed: list[str] = field(default_factory=list)
    """Files whose names are not UTF-8 (their bytes, as in Python); neither a table nor a report could name them."""


def list_samples(name: str, options: DatasetOptions, root: Path) -> Listing:
    """The classes and samples of a data set, in a fixed order.

    Raises:
        UserError: the folder or a list file is missing or cannot be understood, or a class is not in the one
            source of class indices.
    """
    path = dataset_path(options, root)
    if not path.exists():
        raise UserError(f"{name}: {path} does not exist; put the data there, or set datasets.{name}.path or root_path")
    try:
        entries = READERS[options.kind](path, options)
    except UserError as error:
        raise UserError(f"{name}: {error}") from error
    folder = relative_to_root(dataset_folder(options, root), root)
    prefix = "" if folder == "." else folder
    for label in entries.classes:
        if not is_utf8(label):
            raise UserError(f"{name}: the name of the class folder {printable(label)} is not UTF-8; rename it")
    splits = {
        split: [
            Sample(os.path.join(prefix, file), label) for file, label in sorted(entries.samples[split]) if is_utf8(file)
        ]
        for split in ("train", "val")
    }
    misnamed = [printable(f) for split in ("train", "val") for f, _ in entries.samples[split] if not is_utf8(f)]
    ignored = [printable(file) for file in entries.ignored]
    return Listing(tuple(entries.classes), splits["train"], splits["val"], entries.missing, ignored, sorted(misnamed))
