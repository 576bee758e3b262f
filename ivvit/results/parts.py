"""Parts of the tables that are made once: what was summarised of a run, the differences of pairs, pictures.

Each lies at its key, as all that is made does: a digest of everything that it shows, and of the code of the tables.
Its file begins with a checksum: what is damaged is made again.
"""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import fields, is_dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ivvit.ground.digest import digest
from ivvit.ground.files import write_bytes

_CHECKSUM = sha256().digest_size


class Parts:
    """Bytes at their keys, in a folder; without a folder nothing is kept.

    Args:
        folder: results/parts.
        code: the digest of the code that makes them.
    """

    def __init__(self, folder: Path | None = None, code: str = "") -> None:
        self._folder, self._code = folder, code
        self._used: set[Path] = set()

    def get(self, kind: str, key: object, make: Callable[[], bytes]) -> bytes:
        """What lies at the key, made if it is not there; a key consists of plain values, arrays and dataclasses."""
        found = self.find(kind, key)
        return self.keep(kind, key, make()) if found is None else found

    def find(self, kind: str, key: object) -> bytes | None:
        """What lies at the key; None where nothing does, or where it is damaged."""
        place = self._place(kind, key)
        with suppress(OSError):
            stored = place.read_bytes() if self._folder else b""
            content = stored[_CHECKSUM:]
            return content if stored[:_CHECKSUM] == sha256(content).digest() else None
        return None

    def keep(self, kind: str, key: object, content: bytes) -> bytes:
        """The same content, which lies at its key from now on."""
        if self._folder:
            write_bytes(self._place(kind, key), sha256(content).digest() + content)
        return content

    def drop_unused(self) -> None:
        """Remove what nobody asked for: it is of tables that are superseded."""
        for file in self._folder.glob("*/*") if self._folder else ():
            if file not in self._used:
                file.unlink(missing_ok=True)

    def _place(self, kind: str, key: object) -> Path:
        text = json.dumps([self._code, key], default=_plain)
        place = (self._folder or Path()) / kind / digest(text)
        self._used.add(place)
        return place


def _plain(value: Any) -> Any:
    """What JSON does not know, as it goes into a key."""
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.shape, sha256(value.tobytes()).hexdigest()]
    if is_dataclass(value):
        return [type(value).__name__, *(getattr(value, field.name) for field in fields(value))]
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} in a key")
