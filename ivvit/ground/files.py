"""Files that appear whole or not at all, and one message for those that cannot be written."""

import errno
import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

from ivvit.ground.errors import Failure, UserError

TEMPORARY = ".tmp"
"""How the names of half-written files end: `.<name>.<8 random digits>.tmp`."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)

_REMEDIES = {
    **dict.fromkeys(FULL, "free some space (or raise the quota or file size limit) and start again"),
    **dict.fromkeys(FORBIDDEN, "make {folder} writable for you, or choose another folder"),
    errno.ELOOP: "a symbolic link on the way points back to itself; remove it",
    errno.ENAMETOOLONG: "choose a shorter name",
    **dict.fromkeys((errno.ENOTDIR, errno.EEXIST), "a file on the way is in the place of a folder; move it away"),
    errno.EISDIR: "a folder is in the place of a file; move it away",
}
_MISSING = "it, or a folder on the way to it, is not there; make it, or choose another place"


class UnwritableError(Failure, OSError):
    """A file cannot be written, for a reason that the user can mend; `errno` and `strerror` are the system's."""

    def __init__(self, message: str, error: OSError) -> None:
        super().__init__(message)
        self.message, self.errno, self.strerror = message, error.errno, error.strerror

    def __str__(self) -> str:  # OSError's own would show errno and strerror alone
        return self.message


@contextmanager
def explained(path: Path, *, forbidden: str | None = None) -> Iterator[None]:
    """Turn the system's refusal to write `path` into a message that names it and what to do.

    Args:
        path: the file that is written within this context.
        forbidden: what to do where permission is missing, if there is better advice than to change that.

    Raises:
        UnwritableError: the disk is full, writing is forbidden, or the path cannot be.
    """
    try:
        yield
    except UnwritableError:
        raise
    except OSError as error:
        if error.errno not in _REMEDIES:
            raise
        remedy = forbidden if forbidden and error.errno in FORBIDDEN else _REMEDIES[error.errno]
        message = f"cannot write {path}: {os.strerror(error.errno)}; {remedy.format(folder=path.parent)}"
        raise UnwritableError(message, error) from error


def told_by(error: OSError) -> str | None:
    """What to tell of a refusal of the system that nothing nearer explained; None for one without a known remedy."""
    if error.errno not in (*_REMEDIES, errno.ENOENT):
        return None
    if error.filename is None:
        return f"the output cannot be written: {os.strerror(error.errno)}; send it elsewhere, or make room"
    path = Path(os.fsdecode(error.filename))
    remedy = _REMEDIES.get(error.errno, _MISSING)
    if error.errno in FORBIDDEN:
        remedy = "make it accessible to you, or choose another place"
    return f"{path}: {os.strerror(error.errno)}; {remedy.format(folder=path.parent)}"


@contextmanager
def temporary_beside(path: Path) -> Iterator[Path]:
    """A name in `path`'s folder (made if missing) for a file that `publish` may rename; what is left of it is removed.

    No two processes, threads or hosts get the same name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}{TEMPORARY}")
    try:
        yield temporary
    finally:
        with suppress(OSError):  # whatever went wrong before counts
            temporary.unlink(missing_ok=True)


def publish(temporary: Path, path: Path) -> None:
    """Make a file durable and give it the name `path`, in place of one that was there before."""
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


@contextmanager
def replacing(path: Path, *, forbidden: str | None = None) -> Iterator[Path]:
    """Gives a temporary path for whoever writes by name; at the end of the context, the file there becomes `path`.

    After an error nothing is left behind, and a file that was there before stays.

    Raises:
        UnwritableError: see `explained`.
    """
    with explained(path, forbidden=forbidden), temporary_beside(path) as temporary:
        yield temporary
        publish(temporary, path)


def check_writable(path: Path) -> None:
    """Find out before long work whether its result can be written to `path`; nothing is left behind.

    Raises:
        UserError: `path` is a folder, or cannot be written.
    """
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a file in it")
    try:
        with explained(path), temporary_beside(path) as temporary:
            temporary.touch()
    except FileNotFoundError as error:  # a folder that the system makes, such as /proc
        raise UserError(f"cannot write {path}: {error.strerror}; choose another folder") from None


def write_atomically(path: Path, write: Callable[[BinaryIO], Any], *, forbidden: str | None = None) -> None:
    """Let `write` fill a file that then becomes `path`, durably. Raises as `replacing` does."""
    with replacing(path, forbidden=forbidden) as temporary, temporary.open("wb") as file:
        write(file)


def write_bytes(path: Path, content: bytes, *, forbidden: str | None = None) -> None:
    """A file of bytes, atomically; `forbidden` as for `explained`."""
    write_atomically(path, lambda file: file.write(content), forbidden=forbidden)


def write_text(path: Path, text: str) -> None:
    """A text file in UTF-8, atomically."""
    write_bytes(path, text.encode())


def write_json(path: Path, value: Any) -> None:
    """A JSON file, atomically, keys in the order given. Raises ValueError for a number that is not finite."""
    write_text(path, as_json(value))


def read_object(path: Path) -> dict[str, Any]:
    """The object in a JSON file; empty where the file is missing or damaged, or holds something else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def as_json(value: Any) -> str:
    """The text of a JSON file. Raises ValueError for a number that is not finite."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def replace_link(link: Path, target: Path) -> None:
    """Let `link` point to `target`, atomically and by a relative path, so that both can be moved together.

    Raises:
        UserError: something that is no link lies in its place.
    """
    link.parent.mkdir(parents=True, exist_ok=True)
    whole = target.parent.resolve() / target.name  # a target that is a link itself stays what is pointed to
    relative = Path(os.path.relpath(whole, link.parent.resolve()))
    if link.is_symlink() and link.readlink() == relative:
        return
    if link.exists() and not link.is_symlink():
        raise UserError(f"{link} is not a link; move it away, its place belongs to a link to {relative}")
    with explained(link), temporary_beside(link) as temporary:
        temporary.symlink_to(relative)
        temporary.replace(link)


def sync_folder(folder: Path) -> None:
    """Make a rename in a folder durable, where the file system can do that."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except PermissionError:  # a folder that one may write to but not list
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(handle)
