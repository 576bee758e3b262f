"""CIFAR100: cifar-100-python/{train,test,meta}; a sample's path is its file and row, as in .../train#17."""

from pathlib import Path
from typing import Any

import numpy as np

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.ground.errors import UserError
from ivvit.numerics.cifar import SPLIT_FILES, read_images, read_pickle

FOLDER = "cifar-100-python"


def read_cifar100(path: Path, options: DatasetOptions) -> Entries:
    """Rows of the two split files; class indices are the positions in meta's fine_label_names.

    Raises:
        UserError: a file is missing or damaged, or a label has no name in meta.
    """
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    names = [_text(name) for name in _listed(folder / "meta", b"fine_label_names", (bytes, str))]
    entries = Entries(names)
    for split, file in SPLIT_FILES.items():
        labels = _listed(folder / file, b"fine_labels", (int, np.integer))
        images = len(read_images(folder / file))
        if images != len(labels):
            raise UserError(f"{folder / file}: {images} images and {len(labels)} labels; unpack the archive again")
        wrong = [label for label in labels if not 0 <= label < len(names)]
        if wrong:
            raise UserError(f"{folder / file}: label {wrong[0]} has no name in {folder / 'meta'} ({len(names)} names)")
        prefix = (folder / file).relative_to(path).as_posix()
        for row, label in enumerate(labels):
            entries.add(split, f"{prefix}#{row}", int(label))
    return entries


def _listed(file: Path, key: bytes, kinds: tuple[type, ...]) -> list[Any]:
    """A list in a pickle. Raises UserError where it is missing, empty, or holds something else."""
    try:
        found = read_pickle(file).get(key)
    except AttributeError:  # it holds something else than keys and values
        found = None
    if not isinstance(found, list | np.ndarray) or not len(found) or not all(isinstance(one, kinds) for one in found):
        raise UserError(f"{file}: expected a list {key.decode()!r}; unpack cifar-100-python.tar.gz again")
    return list(found)


def _text(name: bytes | str) -> str:
    return name.decode(errors="replace") if isinstance(name, bytes) else name
