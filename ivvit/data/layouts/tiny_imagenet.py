"""Tiny-ImageNet: sorted into categories, or the official tiny-imagenet-200 with val_annotations.txt."""

from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries, class_index
from ivvit.data.layouts.files import IMAGE_EXTENSIONS, files_under, folders, numbered_lines, split_by_extension
from ivvit.data.layouts.folders import add_class_folders, read_folders, split_base
from ivvit.ground.errors import UserError

ANNOTATIONS = "val_annotations.txt"


def read_tiny_imagenet(path: Path, options: DatasetOptions) -> Entries:
    """Images of train and val, which is reported on (test has no labels); indices are positions among train's wnids.

    Raises:
        UserError: a folder is missing, a line of val_annotations.txt cannot be read, or a class is unknown.
    """
    base = split_base(path)
    if not (base / "val" / ANNOTATIONS).is_file() or set(folders(base / "val")) != {"images"}:
        return read_folders(path, options, labelled_test=False)
    entries = Entries(folders(base / "train"))
    index = {name: number for number, name in enumerate(entries.classes)}
    add_class_folders(entries, "train", base / "train", index, path, IMAGE_EXTENSIONS)
    entries.ignored = [file for file in entries.ignored if not file.endswith("_boxes.txt")]
    _add_annotated(entries, base / "val", path)
    return entries


def _add_annotated(entries: Entries, val: Path, path: Path) -> None:
    labels = _read_annotations(val / ANNOTATIONS)
    index = class_index(entries.classes, set(labels.values()), str(val / ANNOTATIONS))
    prefix = (val / "images").relative_to(path).as_posix()
    on_disk, ignored = split_by_extension(files_under(val / "images"), IMAGE_EXTENSIONS)
    for file in on_disk:
        if file in labels:
            entries.samples["test"].append((f"{prefix}/{file}", index[labels[file]]))
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
        labels[fields[0].strip()] = fields[1].strip()
    return labels
