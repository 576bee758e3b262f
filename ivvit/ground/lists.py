"""List files of samples: `path,label[,split[,group]]` a line, in one dialect that all lines decide together.

The dialect is the separator (comma, tab, semicolon or blank), whether the first line is a header, and the columns.
"""

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

ROLES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
COLUMNS = ("path", "label", "split", "group")
SEPARATORS = {",": "commas", "\t": "tabs", ";": "semicolons", " ": "blanks"}
_NAMES = {
    "path": ("path", "paths", "file", "filename", "file_name", "filepath", "file_path", "image", "video", "clip"),
    "label": ("label", "labels", "class", "classes", "category", "target", "class_name", "class_id"),
    "split": ("split", "subset", "set", "partition"),
    "group": ("group", "groups"),
}
_MEANING = {name: column for column, names in _NAMES.items() for name in names}


@dataclass(frozen=True)
class Dialect:
    """How a list is written."""

    separator: str
    columns: tuple[str, ...]
    """What each column holds: some of COLUMNS, each once; `""` for one of a header that means nothing here."""
    header: bool

    def __str__(self) -> str:
        named = ", ".join(column or "(unused)" for column in self.columns)
        return f"{SEPARATORS[self.separator]} between {named}; {'a' if self.header else 'no'} header"

    def split(self, line: str) -> dict[str, str] | None:
        """Column -> text of a line; None where it has another number of columns, or no path or label."""
        fields = _fields(line, self.separator, len(self.columns))
        if len(fields) != len(self.columns):
            return None
        found = {column: field for column, field in zip(self.columns, fields, strict=True) if column}
        return found if found["path"] and found["label"] else None


def dialect_of(lines: Iterable[str]) -> Dialect | None:
    """The dialect in which most of these lines (stripped, none blank) can be read; of equals, one that reads the first.
    None where there are no lines, which are read once.

    A header may name the columns in any order; without one they are in the order of COLUMNS.
    """
    guesses, read, with_split, first = list[Dialect](), Counter[Dialect](), True, ""
    for line in lines:
        if not guesses:
            first, guesses = line, [guess for separator in SEPARATORS for guess in _guesses(line, separator)]
        read.update(guess for guess in guesses if guess.split(line) is not None)
        with_split = with_split and line.rpartition(" ")[2].lower() in ROLES and line.count(" ") > 1
    blanks = COLUMNS[: 3 if with_split else 2]
    possible = [guess for guess in guesses if guess.separator != " " or guess.columns == blanks]
    return max(possible, key=lambda guess: (read[guess], guess.split(first) is not None), default=None)


def _guesses(first: str, separator: str) -> list[Dialect]:
    if separator == " ":  # a path may have blanks: only the last fields are others
        return [Dialect(separator, COLUMNS[:count], False) for count in (2, 3)]
    named = [_MEANING.get(field.lower(), "") for field in _fields(first, separator, 0)]
    if {"path", "label"} <= set(named) and all(named.count(column) < 2 for column in COLUMNS):
        return [Dialect(separator, tuple(named), True)]
    return [Dialect(separator, COLUMNS[:count], False) for count in (2, 3, 4)]


def _fields(line: str, separator: str, count: int) -> list[str]:
    if separator == " ":
        return [field.strip() for field in line.rsplit(" ", count - 1)]
    try:
        return [field.strip() for field in next(csv.reader([line], delimiter=separator), [])]
    except csv.Error:
        return []
