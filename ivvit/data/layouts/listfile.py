"""A list file: `path,label[,split[,group]]` a line; or a folder with train.csv and test.csv, and perhaps val.csv."""

import os
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.files import numbered_lines
from ivvit.data.manifest import SPLITS
from ivvit.ground.errors import UserError
from ivvit.ground.lists import ROLES, Dialect, dialect_of

FORM = "path,label[,split[,group]]"
SUFFIXES = (".csv", ".txt", ".tsv")


def read_list(path: Path, options: DatasetOptions) -> Entries:
    """Samples of a CSV or text file, paths relative to the file's folder; labels are indices or names.

    A file's separator, header and columns are one for all of its lines (`ivvit.ground.lists`). Classes are the labels
    of all splits: names sorted; numbers in numerical order, from 0, or from 1 where 1 to n are all there. Rows without
    a split are train's, unless the list is train.csv, val.csv or test.csv of a folder. Two splits are train and test.

    Raises:
        UserError: a line cannot be understood, or a split or number is out of range.
    """
    lists = _lists_of_folder(path) if path.is_dir() else [_List(path, "")]
    dialects = [(one, found) for one in lists if (found := _dialect(one))]

    def rows() -> Iterator[_Row]:  # read as often as they are asked for, and never kept
        return (row for one, dialect in dialects for row in _rows(one, dialect))

    kinds = {(row.label, row.split) for row in rows()}
    if not kinds:
        raise UserError(f"{path} names no samples; expected lines of {FORM}")
    classes, first = _classes({label for label, _ in kinds}, path)
    notes = [f"{one.file.name}: {dialect}" for one, dialect in dialects]
    entries = Entries(classes, notes=[*notes, f"labels are {'names' if first is None else f'numbers from {first}'}"])
    index = {name: number for number, name in enumerate(classes)}
    folder = path if path.is_dir() else path.parent
    second = {"val": "test"} if {split for _, split in kinds} == {"train", "val"} else {}
    groups = _groups_of_repeated(rows) if any("group" in dialect.columns for _, dialect in dialects) else {}
    for row in rows():
        label = row.label if first is None else str(int(row.label))
        file = _on_disk(folder, row.file)
        if file is not None:
            group = groups.get(row.file, row.group) or None
            entries.add(second.get(row.split, row.split), file, index[label], group)
        else:
            entries.missing.append(row.file)
    return entries


class _List(NamedTuple):
    file: Path
    split: str
    """Of rows that name none; empty for a list of all splits."""


class _Row(NamedTuple):
    file: str
    label: str
    split: str
    group: str


def _lists_of_folder(folder: Path) -> list[_List]:
    lists = {split: [folder / f"{split}{suffix}" for suffix in SUFFIXES] for split in SPLITS}
    found = {split: file for split, files in lists.items() for file in files[::-1] if file.is_file()}
    if "train" not in found or len(found) < 2:
        raise UserError(f"{folder} lacks lists; a list-file folder needs train.csv and test.csv (and perhaps val.csv)")
    return [_List(file, split) for split, file in found.items()]


def _lines(source: _List) -> Iterator[tuple[int, str]]:
    lines = numbered_lines(source.file, f"a list file has lines of {FORM}")
    return ((number, line) for number, line in lines if not line.startswith("#"))


def _dialect(source: _List) -> Dialect | None:
    """None where there are no lines."""
    return dialect_of(line for _, line in _lines(source))


def _rows(source: _List, dialect: Dialect) -> Iterator[_Row]:
    return (_row(source, number, line, dialect) for number, line in islice(_lines(source), dialect.header, None))


def _groups_of_repeated(rows: Callable[[], Iterable[_Row]]) -> dict[str, str]:
    """The group of each file that is named more than once: the last one named, for a file has one group."""
    hashes = np.sort(np.fromiter((hash(row.file) for row in rows()), np.int64))
    repeated = set(hashes[1:][hashes[1:] == hashes[:-1]].tolist())
    if not repeated:
        return {}
    return {row.file: row.group for row in rows() if row.group and hash(row.file) in repeated}


def _row(source: _List, number: int, line: str, dialect: Dialect) -> _Row:
    found = dialect.split(line)
    if found is None:
        raise UserError(f"{source.file}, line {number}: expected {FORM}, found {line!r} (the list has {dialect})")
    given = found.get("split", "")
    role = given.lower() or source.split or "train"
    if role not in ROLES:
        raise UserError(f"{source.file}, line {number}: the split must be train, val or test, found {given!r}")
    name = PurePosixPath(found["path"].replace("\\", "/")).as_posix()
    if "\0" in name:
        raise UserError(f"{source.file}, line {number}: a path cannot hold the character NUL")
    return _Row(name, found["label"], ROLES[role], found.get("group", ""))


def _on_disk(folder: Path, name: str) -> str | None:
    """The name as it is on disk, where the list may have it in another form of Unicode; None where there is none."""
    for form in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        if os.path.exists(folder / form):
            return form
    return None


def _classes(labels: set[str], path: Path) -> tuple[list[str], int | None]:
    """The classes; and the first number, where labels are numbers."""
    if not all(label.isascii() and label.isdigit() and len(label) < 10 for label in labels):
        return sorted(labels), None
    numbers = {int(label) for label in labels}
    highest = max(numbers)
    if highest >= 100 * len(numbers):
        raise UserError(f"{path}: labels are numbers up to {highest}, but only {len(numbers)} differ; number from 0")
    first = 1 if numbers == set(range(1, highest + 1)) else 0
    return [str(number) for number in range(first, highest + 1)], first
