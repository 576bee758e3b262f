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
    """CSV lines of path, label, split; the last fifth of each class, by name, is `test`.

    Clips cut from one video have names that differ in their last number. They stay on one side, as far as there are
    enough videos: a model recognises a scene that it was trained on.
    """
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(("path", "label", "split"))
    for label in folders(folder):
        files, _ = split_by_extension(files_under(folder / label), extensions)
        test = _held_out(files)
        rows.writerows((f"{prefix}{label}/{file}", label, "test" if file in test else "train") for file in files)
    return text.getvalue()


def _held_out(files: list[str]) -> set[str]:
    groups: dict[str, list[str]] = {}
    for file in files:
        groups.setdefault(re.sub(r"\d+\D*$", "", os.path.splitext(file)[0]), []).append(file)
    parts = list(groups.values()) if len(groups) > 1 else [[file] for file in files]
    wanted, held_out = max(1, round(len(files) / SHARE)), set[str]()
    for part in reversed(parts[1:]):  # the first always trains
        if len(held_out) < wanted:
            held_out.update(part)
    return held_out
