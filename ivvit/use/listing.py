"""The files that a user means by files, folders and patterns."""

import glob
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from ivvit.data.layouts.files import IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, files_under
from ivvit.ground.errors import UserError


def list_files(arguments: Sequence[str]) -> list[str]:
    """Each file once, in the order given; of folders and patterns, images and videos sorted by name.

    Raises:
        UserError: a name stands for no file at all.
    """
    return list(dict.fromkeys(file for argument in arguments for file in _files(argument)))


def _files(argument: str) -> Iterator[str]:
    path = Path(argument).expanduser()
    if path.is_dir():
        found = [str(path / name) for name in files_under(path) if _is_medium(name)]
        if not found:
            raise UserError(f"{argument} has no images or videos (by their extensions); name another folder, or files")
        yield from found
    elif path.exists():
        yield str(path)
    elif glob.has_magic(argument):
        matches = sorted(name for name in glob.glob(str(path), recursive=True) if os.path.isfile(name))
        if not matches:
            raise UserError(f"no file matches {argument}")
        yield from (name for name in matches if len(matches) == 1 or _is_medium(name))
    else:
        raise UserError(f"{argument} does not exist")


def _is_medium(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in IMAGE_EXTENSIONS | VIDEO_EXTENSIONS
