"""A list of samples with splits, for class folders that have none: the choice can be read, and changed by hand."""

import csv
import io
import os
import re
from pathlib import Path

from ivvit.data.layouts.files import files_under, folders, split_by_extension

SHARE = 5
"""Of so many samples of a class one is reported on and never trained on."""


def split_list(folder: Path, extensions: frozenset[str], prefix: str) -> str:
    """CSV lines of path, label, split and group; the last fifth of each class, by name, is `test`.

    Clips cut from one video have names that differ in their last number: they are a group, and stay on one side. A
    model recognises a scene that it was trained on.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("path", "label", "split", "group"))
    for label in folders(folder):
        files, _ = split_by_extension(files_under(folder / label), extensions)
        groups = _groups(files)
        test = _held_out(groups, len(files))
        for name, group in groups.items():
            common = f"{label}/{name}" if len(group) > 1 else ""
            split = "test" if name in test else "train"
            rows.writerows((f"{prefix}{label}/{file}", label, split, common) for file in group)
    return text.getvalue()


def _groups(files: list[str]) -> dict[str, list[str]]:
    """Files by what their names have before the last number; each by itself where that is the same for all."""
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(re.sub(r"\d+\D*$", "", os.path.splitext(file)[0]), []).append(file)
    return groups if len(groups) > 1 else {file: [file] for file in files}


def _held_out(groups: dict[str, list[str]], count: int) -> set[str]:
    """The last groups, until they are a fifth; the first always trains."""
    held_out, samples = set[str](), 0
    for name in list(groups)[:0:-1]:
        if samples < max(1, round(count / SHARE)):
            held_out.add(name)
            samples += len(groups[name])
    return held_out
