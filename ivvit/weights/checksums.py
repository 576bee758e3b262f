"""Checksums: published ones are enforced, others are recorded at first sight and enforced afterwards."""

import json
from pathlib import Path

from filelock import FileLock

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import FORBIDDEN, write_json

RECORD = "checksums.json"


def check_published(path: Path, published: str | None) -> None:
    """Compare a file with its published SHA-256 or the beginning of it.

    Raises:
        UserError: the checksum differs.
    """
    if published is not None and not (found := sha256_of(path)).startswith(published.lower()):
        raise UserError(
            f"{path} has SHA-256 {found}, but {published} is published: it is damaged or another file;"
            " delete it to have it fetched again, or put the right one there"
        )


def check_recorded(path: Path, folder: Path) -> None:
    """Compare a file with the SHA-256 recorded when it was first seen, or record it where that may be written.

    Args:
        path: a file inside `folder`.
        folder: pretrained_weight/, in which the record lies.

    Raises:
        UserError: the checksum differs.
    """
    key, found = path.relative_to(folder).as_posix(), sha256_of(path)
    if key in _compared(folder / RECORD, key, found, path):
        return
    try:
        with FileLock(folder / f".{RECORD}.lock", mode=0o666):
            seen = _compared(folder / RECORD, key, found, path)
            write_json(folder / RECORD, dict(sorted({**seen, key: found}.items())))
    except OSError as error:
        if error.errno not in FORBIDDEN:  # a folder of others: it is theirs to record what they put there
            raise


def _compared(record: Path, key: str, found: str, path: Path) -> dict[str, str]:
    """What is recorded, once it is sure that it does not contradict."""
    seen = json.loads(record.read_text()) if record.is_file() else {}
    if seen.get(key, found) != found:
        raise UserError(
            f"{path} has SHA-256 {found}, but had {seen[key]} when it was first seen; "
            f"if the change is meant, delete the entry {key!r} of {record}"
        )
    return seen
