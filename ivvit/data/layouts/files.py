"""Walking folders: class folders, media files, and the files that are neither."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from ivvit.ground.errors import UserError

IMAGE_EXTENSIONS = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"))
VIDEO_EXTENSIONS = frozenset(
    (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts", ".ogv")
)
NOISE = frozenset(("thumbs.db", "desktop.ini"))
"""Files that operating systems leave behind; hidden files are skipped as well."""

NO_CLASSES = frozenset(("__macosx", "lost+found", "@eadir", "$recycle.bin", "system volume information"))
"""Folders that archives, file systems and servers leave behind."""
BLOCK = 1 << 20
"""Characters of a list file that are read at a time."""


def folders(parent: Path) -> list[str]:
    """Names of the folders in `parent` (links to folders too), sorted; hidden ones and NO_CLASSES left out."""
    return [e.name for e in _entries(parent) if _is_folder(e) and e.name.lower() not in NO_CLASSES]


def left_behind(parent: Path) -> list[str]:
    """Names of the folders in `parent` that are not classes, sorted."""
    return [e.name for e in _entries(parent) if _is_folder(e) and e.name.lower() in NO_CLASSES]


def named(parent: Path, names: tuple[str, ...]) -> Path | None:
    """The folder in `parent` that has the first possible of these names, else the first in other capitals."""
    for name in names:
        if (parent / name).is_dir():
            return parent / name
    found = {name.lower(): name for name in reversed(folders(parent))}
    return next((parent / found[name] for name in names if name in found), None)


def loose_files(parent: Path) -> list[str]:
    """Names of the files in `parent`, sorted; hidden names and those of NOISE left out."""
    return [entry.name for entry in _entries(parent) if not _is_folder(entry) and entry.name.lower() not in NOISE]


def files_under(parent: Path, above: frozenset[tuple[int, int]] | None = None) -> Iterator[str]:
    """Posix paths of all files below `parent`, relative to it, sorted; links are followed, hidden names skipped.

    A link to a folder around it is not followed: there would be no end. `above` are the folders around `parent`.

    Raises:
        UserError: a folder cannot be read.
    """
    if above is None:
        above = frozenset(map(_place, parent.resolve().parents))
    if (place := _place(parent)) in above:
        return
    for entry in _entries(parent):
        if _is_folder(entry):
            yield from (f"{entry.name}/{inner}" for inner in files_under(Path(entry.path), above | {place}))
        elif entry.name.lower() not in NOISE:
            yield entry.name


def _place(folder: Path) -> tuple[int, int]:
    try:
        status = os.stat(folder)
    except OSError as error:
        raise UserError(f"{folder} cannot be read ({error.strerror}); mend access to it and validate again") from None
    return status.st_dev, status.st_ino


def _entries(parent: Path) -> list["os.DirEntry[str]"]:
    try:
        with os.scandir(parent) as scan:
            return sorted((entry for entry in scan if not entry.name.startswith(".")), key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{parent} cannot be read ({error.strerror}); mend access to it and validate again") from None


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def is_utf8(name: str) -> bool:
    """Whether a file's name can be written as text: bytes of other encodings come as lone surrogates."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def printable(name: str) -> str:
    """The name, or its bytes as Python writes them where it is not UTF-8."""
    return name if is_utf8(name) else repr(os.fsencode(name))


def split_by_extension(names: Iterator[str], extensions: frozenset[str]) -> tuple[list[str], list[str]]:
    """(names with one of the extensions in any case, the others)."""
    kept: list[str] = []
    ignored: list[str] = []
    for name in names:
        (kept if os.path.splitext(name)[1].lower() in extensions else ignored).append(name)
    return kept, ignored


def numbered_lines(file: Path, advice: str) -> Iterator[tuple[int, str]]:
    """The lines of a list file that are not blank, stripped, with their numbers; any line ends, a BOM or none.

    Raises:
        UserError: the file is missing (the message ends with `advice`) or is not UTF-8 text.
    """
    try:
        if file.exists() and not file.is_file():
            raise UserError(f"{file} is not a text file; {advice}")
        with file.open(encoding="utf-8-sig") as stream:
            for number, line in enumerate(_lines(stream), 1):
                if line := line.strip():
                    yield number, line
    except FileNotFoundError:
        raise UserError(f"{file} does not exist; {advice}") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); mend access to it and validate again") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text ({_undecodable(file) or error}); save it as UTF-8") from error


def _undecodable(file: Path) -> str | None:
    """Where in all of the file, and not in a block of it, bytes are no UTF-8."""
    try:
        file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        return str(error)
    return None


def _lines(stream: TextIO) -> Iterator[str]:
    """As `str.splitlines` finds them, which knows more line ends than a file does."""
    rest = ""
    while block := stream.read(BLOCK):
        *whole, rest = (rest + block).splitlines(keepends=True)
        yield from whole
    if rest:
        yield rest
