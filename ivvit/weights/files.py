"""Files that are whole or absent."""

import errno
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ivvit.ground.errors import UserError

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Claim "no space left" into a message that names the file.

    Raises:
        UserError: the disk, quota or file size limit is reached.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise UserError(f"cannot write {path}: {os.strerror(error.errno)}; free some space and start again") from None


@contextmanager
def naming_forbidden(folder: Path, what: str) -> Iterator[None]:
    """Claim "not permitted" into a message that names the folder.

    Raises:
        UserError: the folder is not ours to write to, or its file system is read-only.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in FORBIDDEN:
            raise
        raise UserError(
            f"cannot write {what} into {folder}: {os.strerror(error.errno)}; make the folder writable for you, or let "
            "somebody who may write there fetch the weights once: after that they are only read"
        ) from None


def write_atomically(path: Path, content: bytes) -> None:
    """Write by a temporary file in the same folder, fsync and rename.

    Raises:
        UserError: the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with naming_full_disk(path), partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)
