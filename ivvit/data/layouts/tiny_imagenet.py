"""Tiny-ImageNet: sorted into categories, or the official tiny-imagenet-200 with val_annotations.txt."""

from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries, class_index
from ivvit.data.layouts.files import (
    IMAGE_EXTENSIONS,
    files_under,
    folders,
    named,
    numbered_lines,
    split_by_extension,
)
from ivvit.data.layouts.folders import VAL_NAMES, add_class_folders, read_folders, train_folder
from ivvit.ground.errors import UserError

ANNOTATIONS = "val_annotations.txt"


def read_tiny_imagenet(path: Path, options: DatasetOptions) -> Entries:
    """Images of train and val, which is reported on (test has no labels); indices are positions among train's wnids.

    Raises:
        UserError: a folder is missing, a line of val_annotations.txt cannot be read, or a class is unknown.
    """
    train = train_folder(path)
    base = train.parent
    val = named(base, VAL_NAMES)
    if val is None or set(folders(val)) != {"images"}:
        return read_folders(path, options, labelled_test=False)
    if not (val / ANNOTATIONS).exists():
        raise UserError(f"{val} has images/ without {ANNOTATIONS}, which says their classes; unpack the archive again")
    entries = Entries(folders(train))
    index = {name: number for number, name in enumerate(entries.classes)}
    add_class_folders(entries, "train", train, index, path, IMAGE_EXTENSIONS)
    entries.ignored = [file for file in entries.ignored if not file.endswith("_boxes.txt")]
    _add_annotated(entries, val, path)
    return entries


def _add_annotated(entries: Entries, val: Path, path: Path) -> None:
    labels = _read_annotations(val / ANNOTATIONS)
    index = class_index(entries.classes, set(labels.values()), str(val / ANNOTATIONS))
    prefix = (val / "images").relative_to(path).as_posix()
    on_disk, ignored = split_by_extension(files_under(val / "images"), IMAGE_EXTENSIONS)
    for file in on_disk:
        if file in labels:
            entries.add("test", f"{prefix}/{file}", index[labels[file]])
        else:
            entries.ignored.append(f"{prefix}/{file}")
    entries.ignored += [f"{prefix}/{file}" for file in ignored]
    entries.missing += [f"{prefix}/{file}" for file in sorted(set(labels) - set(on_disk))]


def _read_annotations(file: Path) -> dict[str, str]:
    labels: dict[str, str] = {}
    for number, line in numbered_lines(file, "unpack the official archive again"):
        fields = line.split("\t")
        if len(fields) < 2:
            raise UserError(f"{file}, line {number}: expected <file><tab><wnid>..., found {line!r}")
        name, label = fields[0].strip(), fields[1].strip()
        if labels.setdefault(name, label) != label:
            raise UserError(
                f"{file}, line {number}: {name} is {label} here and {labels[name]} before; keep one of them"
            )
    return labels
