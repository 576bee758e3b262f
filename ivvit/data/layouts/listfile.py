"""A list file: `path,label[,split[,group]]` a line; or a folder with train.csv and test.csv, and perhaps val.csv."""

import csv
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.files import numbered_lines
from ivvit.data.manifest import SPLITS
from ivvit.ground.errors import UserError

ROLES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
FORM = "path,label[,split[,group]]"
SUFFIXES = (".csv", ".txt", ".tsv")


def read_list(path: Path, options: DatasetOptions) -> Entries:
    """Samples of a CSV or text file, paths relative to the file's folder; labels are indices or names.

    Classes are the labels of all splits: names sorted, numbers in numerical order. Rows without a split are
    train's, unless the list is train.csv, val.csv or test.csv of a folder. Two splits are train and test.

    Raises:
        UserError: a line cannot be understood, or a split or number is out of range.
    """
    rows = _rows_of_folder(path) if path.is_dir() else _rows(path, None)
    if not rows:
        raise UserError(f"{path} names no samples; expected lines of {FORM}")
    classes = _classes({row.label for row in rows}, path)
    index = {name: number for number, name in enumerate(classes)}
    entries = Entries(classes)
    folder = path if path.is_dir() else path.parent
    second = {"val": "test"} if {row.split for row in rows} == {"train", "val"} else {}
    for row in rows:
        if (folder / row.file).exists():
            entries.samples[second.get(row.split, row.split)].append((row.file, index[row.label]))
            entries.groups |= {row.file: row.group} if row.group else {}
        else:
            entries.missing.append(row.file)
    return entries


class _Row(NamedTuple):
    file: str
    label: str
    split: str
    group: str


def _rows_of_folder(folder: Path) -> list[_Row]:
    lists = {split: [folder / f"{split}{suffix}" for suffix in SUFFIXES] for split in SPLITS}
    found = {split: file for split, files in lists.items() for file in files[::-1] if file.is_file()}
    if "train" not in found or len(found) < 2:
        raise UserError(f"{folder} lacks lists; a list-file folder needs train.csv and test.csv (and perhaps val.csv)")
    return [row for split, file in found.items() for row in _rows(file, split)]


def _rows(file: Path, split: str | None) -> list[_Row]:
    lines = numbered_lines(file, f"a list file has lines of {FORM}")
    if lines and _fields(lines[0][1])[:2] == ["path", "label"]:
        lines = lines[1:]
    return [_row(file, number, line, split) for number, line in lines if not line.lstrip().startswith("#")]


def _fields(line: str) -> list[str]:
    """Separated by commas (CSV quoting), tabs, or else by the last blank (a path may have blanks)."""
    for delimiter in (",", "\t"):
        if delimiter in line:
            return [field.strip() for field in next(csv.reader([line], delimiter=delimiter))]
    head, _, tail = line.strip().rpartition(" ")
    return [head.strip(), tail]


def _row(file: Path, number: int, line: str, split: str | None) -> _Row:
    fields = _fields(line)
    if not 2 <= len(fields) <= 4 or not all(fields[:2]):
        raise UserError(f"{file}, line {number}: expected {FORM}, found {line.strip()!r}")
    name, label, given, group = [*fields, "", ""][:4]
    role = given.lower() or split or "train"
    if role not in ROLES:
        raise UserError(f"{file}, line {number}: the split must be train, val or test, found {given!r}")
    return _Row(PurePosixPath(name.replace("\\", "/")).as_posix(), label, ROLES[role], group)


def _classes(labels: set[str], path: Path) -> list[str]:
    if not all(label.isdigit() for label in labels):
        return sorted(labels)
    highest = max(int(label) for label in labels)
    if highest >= 100 * len(labels):
        raise UserError(f"{path}: labels are numbers up to {highest}, but only {len(labels)} differ; number from 0")
    return [str(number) for number in range(highest + 1)]
