"""Walking folders: class folders, media files, and the files that are neither."""

import os
from collections.abc import Iterator
from pathlib import Path

from ivvit.ground.errors import UserError

IMAGE_EXTENSIONS = frozenset((".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm"))
VIDEO_EXTENSIONS = frozenset(
    (".mp4", ".avi", ".mkv", ".webm", ".mov", ".m4v", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ts", ".ogv")
)
NOISE = frozenset(("thumbs.db", "desktop.ini"))
"""Files that operating systems leave behind; hidden files are skipped as well."""


def folders(parent: Path) -> list[str]:
    """Names of the folders in `parent` (links to folders too), sorted, hidden ones left out."""
    with os.scandir(parent) as entries:
        return sorted(e.name for e in entries if e.is_dir() and not e.name.startswith("."))


def files_under(parent: Path) -> Iterator[str]:
    """Posix paths of all files below `parent`, relative to it, sorted; links are followed, hidden names skipped."""
    with os.scandir(parent) as scan:
        entries = sorted((e for e in scan if not e.name.startswith(".")), key=lambda e: e.name)
    for entry in entries:
        if entry.is_dir():
            yield from (f"{entry.name}/{inner}" for inner in files_under(Path(entry.path)))
        elif entry.name.lower() not in NOISE:
            yield entry.name


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


def first_folder(candidates: list[Path], what: str) -> Path:
    """The first of the candidates that is a folder.

    Raises:
        UserError: none is; the message lists what was looked for.
    """
    for candidate in candidates:
        if candidate.is_dir():
            return candidate
    looked = "\n  ".join(str(c) for c in candidates)
    raise UserError(f"{what} not found; looked for\n  {looked}\nPut the data there, or set the data set's `path`")


def numbered_lines(file: Path, advice: str) -> list[tuple[int, str]]:
    """The lines of a list file that are not blank, stripped, with their numbers; any line ends, a BOM or none.

    Raises:
        UserError: the file is missing (the message ends with `advice`) or is not UTF-8 text.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise UserError(f"{file} does not exist; {advice}") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 text ({error}); save it as UTF-8") from error
    return [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
