"""A list file: `path,label[,split]` a line; or a folder with train.csv and val.csv."""

import csv
from pathlib import Path, PurePosixPath

from ivvit.config.datasets import DatasetOptions
from ivvit.data.layouts.entries import Entries
from ivvit.data.layouts.files import numbered_lines
from ivvit.ground.errors import UserError

SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "val"}
SUFFIXES = (".csv", ".txt", ".tsv")


def read_list(path: Path, options: DatasetOptions) -> Entries:
    """Samples of a CSV or text file, paths relative to the file's folder; labels are indices or names.

    Classes are the labels of all splits: names sorted, numbers in numerical order. Rows without a split are
    train's, unless the list is one of a pair train.csv and val.csv.

    Raises:
        UserError: a line cannot be understood, or a split or number is out of range.
    """
    rows = _rows_of_pair(path) if path.is_dir() else _rows(path, None)
    if not rows:
        raise UserError(f"{path} names no samples; expected lines of path,label[,split]")
    classes = _classes({label for _, label, _ in rows}, path)
    index = {name: number for number, name in enumerate(classes)}
    entries = Entries(classes)
    folder = path if path.is_dir() else path.parent
    for file, label, split in rows:
        if (folder / file).exists():
            entries.samples[split].append((file, index[label]))
        else:
            entries.missing.append(file)
    return entries


def _rows_of_pair(folder: Path) -> list[tuple[str, str, str]]:
    rows = []
    for split in ("train", "val"):
        files = [folder / f"{split}{suffix}" for suffix in SUFFIXES if (folder / f"{split}{suffix}").is_file()]
        if not files:
            raise UserError(f"{folder / split}.csv does not exist; a list-file folder needs train.csv and val.csv")
        rows += _rows(files[0], split)
    return rows


def _rows(file: Path, split: str | None) -> list[tuple[str, str, str]]:
    lines = numbered_lines(file, "a list file has lines of path,label[,split]")
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


def _row(file: Path, number: int, line: str, split: str | None) -> tuple[str, str, str]:
    fields = _fields(line)
    if len(fields) not in (2, 3) or not all(fields[:2]):
        raise UserError(f"{file}, line {number}: expected path,label[,split], found {line.strip()!r}")
    given = fields[2].lower() if len(fields) == 3 and fields[2] else (split or "train")
    if given not in SPLITS:
        raise UserError(f"{file}, line {number}: the split must be train or val, found {fields[2]!r}")
    return PurePosixPath(fields[0].replace("\\", "/")).as_posix(), fields[1], SPLITS[given]


def _classes(labels: set[str], path: Path) -> list[str]:
    if not all(label.isdigit() for label in labels):
        return sorted(labels)
    highest = max(int(label) for label in labels)
    if highest >= 100 * len(labels):
        raise UserError(f"{path}: labels are numbers up to {highest}, but only {len(labels)} differ; number from 0")
    return [str(number) for number in range(highest + 1)]
