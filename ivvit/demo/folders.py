"""A folder that appears complete or not at all."""

import shutil
from collections.abc import Callable
from pathlib import Path


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Let `fill` write into a hidden neighbour, then rename it to `folder`; do nothing where `folder` exists.

    A killed call leaves at most the neighbour, which the next one replaces.
    """
    if folder.exists():
        return
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    fill(partial)
    partial.rename(folder)
