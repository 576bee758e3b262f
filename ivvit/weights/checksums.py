"""Checksums: published ones are enforced, others are recorded at first use and enforced afterwards."""

import json
from pathlib import Path

from filelock import FileLock

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import FORBIDDEN, write_json

RECORD = "checksums.json"


def check_published(path: Path, published: str | None) -> None:
    """Compare a file with its published SHA-256, or with a prefix of it.

    Raises:
        UserError: the checksum differs.
    """
    if published is not None and not (found := sha256_of(path)).startswith(published.lower()):
        raise UserError(
            f"{path} has SHA-256 {found}, but {published} is published: it is damaged, or the wrong file;"
            " delete it to have it fetched again, or put the right one there"
        )


def check_recorded(path: Path, folder: Path) -> None:
    """Compare a file with the SHA-256 recorded when it was first seen, or record it where we may write.

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
        if error.errno not in FORBIDDEN:  # somebody else's folder: recording is up to them
            raise


def _compared(record: Path, key: str, found: str, path: Path) -> dict[str, str]:
    """The record, once it is known not to contradict this file."""
    try:
        seen = dict(json.loads(record.read_text(encoding="utf-8"))) if record.is_file() else {}
    except (ValueError, TypeError):
        raise UserError(f"{record} is damaged; delete it, and checksums are recorded anew at first use") from None
    if seen.get(key, found) != found:
        raise UserError(
            f"{path} has SHA-256 {found}, but had {seen[key]} when it was first seen; "
            f"if the change is intended, delete the entry {key!r} of {record}"
        )
    return seen
