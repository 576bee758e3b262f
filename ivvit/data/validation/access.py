"""Errors that say nothing about a file's content: the same bytes may be read at another time."""

import errno

_PASSING = {
    errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ETIMEDOUT,
    errno.ENOTCONN, errno.ECONNRESET, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETUNREACH,
    errno.ENOLCK,
}  # fmt: skip


def of_access(error: BaseException) -> bool:
    """Whether access failed rather than the file, as the error or what caused it tells (FFmpeg's errors, too)."""
    return any(
        isinstance(one, MemoryError) or (isinstance(one, OSError) and one.errno in _PASSING)
        for one in (error, error.__cause__)
    )
