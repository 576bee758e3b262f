"""A cheap fingerprint of a data set's files: enough to notice that some were added, removed or renamed.

Standard library only: the Snakefile computes it each time it is parsed.
"""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from ivvit.config.datasets import DatasetOptions

MISSING = "missing"
LISTS = (".csv", ".tsv", ".txt")
CIFAR_FILES = frozenset(("train", "test", "meta"))
DEPTH = 4
"""Folders are looked into so far below the data set's own: <archive>/<split>/<class>/images."""


def fingerprint(name: str, options: DatasetOptions, root: Path) -> str:
    """A digest of the names and times of the data set's folders and list files; "missing" where there is none.

    A folder's time changes when a file in it is added, removed or renamed. Files edited in place go unnoticed here:
    validation finds those.
    """
    path = Path(root).expanduser() / Path(options.path).expanduser()
    if not path.exists():
        return MISSING
    rows = sorted(_rows(path, "", DEPTH)) if path.is_dir() else [_file_row(path.name, path)]
    return hashlib.sha256("\n".join(rows).encode(errors="surrogateescape")).hexdigest()[:16]


def _rows(folder: Path, prefix: str, depth: int) -> Iterator[str]:
    yield f"{prefix}/ {os.stat(folder).st_mtime_ns}"
    if depth == 0:
        return
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                yield from _rows(Path(entry.path), f"{prefix}/{entry.name}", depth - 1)
            elif entry.name.lower().endswith(LISTS) or entry.name in CIFAR_FILES:
                yield _file_row(f"{prefix}/{entry.name}", Path(entry.path))


def _file_row(name: str, file: Path) -> str:
    stat = os.stat(file)
    return f"{name} {stat.st_size} {stat.st_mtime_ns}"
