"""Names: safe ones for files, and the nearest of the known ones."""

import difflib
import hashlib
import re
from collections.abc import Iterable

_UNSAFE = re.compile(r"[^A-Za-z0-9._=+-]+")
_LONGEST = 120  # a name becomes a part of others (a lock, a temporary file), and 255 bytes is the most for all of it


def safe_name(name: str) -> str:
    """One file name for each name: a safe one stays as it is, any other gets a digest of the whole name at its end.

    `TokenShift` -> `TokenShift`, `timm:vit_tiny` -> `timm_vit_tiny-<8 digits>`. Two names never share one file.
    """
    safe = _UNSAFE.sub("_", name).lstrip(".-")  # neither hidden nor an option of a command
    if name and safe == name and len(name) <= _LONGEST:
        return name
    return f"{safe[-60:]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}".lstrip(".-")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The closest known name, capitals aside, or None where none is close."""
    folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`did you mean X? ` for the closest known name, or nothing."""
    found = nearest(name, known)
    return f"did you mean {found}? " if found else ""


def unknown(what: str, name: str, known: Iterable[str]) -> str:
    """A sentence about a name that is not among the known ones."""
    known = list(known)
    return f"unknown {what} {name!r}; {did_you_mean(name, known)}known: {', '.join(known) or 'none'}"
