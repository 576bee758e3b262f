"""CIFAR100: cifar-100-python/{train,test,meta}; a sample's path is its file and row, as in .../train#17."""

from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.ground.errors import UserError
from ivvit.numerics.cifar import SPLIT_FILES, read_pickle

FOLDER = "cifar-100-python"


def read_cifar100(path: Path, options: DatasetOptions) -> Entries:
    """Rows of the two split files; class indices are the positions in meta's fine_label_names.

    Raises:
        UserError: a file is missing or damaged, or a label has no name in meta.
    """
    folder = path / FOLDER if (path / FOLDER).is_dir() else path
    names = [_text(name) for name in read_pickle(folder / "meta").get(b"fine_label_names", [])]
    entries = Entries(names)
    for split, file in SPLIT_FILES.items():
        labels = read_pickle(folder / file).get(b"fine_labels", [])
        wrong = [label for label in labels if not 0 <= label < len(names)]
        if wrong:
            raise UserError(f"{folder / file}: label {wrong[0]} has no name in {folder / 'meta'} ({len(names)} names)")
        prefix = (folder / file).relative_to(path).as_posix()
        entries.samples[split] = [(f"{prefix}#{row}", int(label)) for row, label in enumerate(labels)]
    return entries


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name
