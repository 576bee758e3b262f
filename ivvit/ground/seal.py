"""What the files of a finished result were when it was finished, so that damage to them is noticed.

Sizes are compared at every look, contents by whoever uses a file and by `ivvit validate --results`.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ivvit.ground.digest import sha256_of
from ivvit.ground.files import write_json

NAME = "checksums.json"


@dataclass(frozen=True)
class Damage:
    """A file of a finished result that is not what was written."""

    file: str
    """Its name in the result's folder."""
    text: str
    """`metrics.json has 12 bytes, 3,456 were written`."""


def seal(folder: Path, present: Iterable[str], coming: Mapping[str, bytes]) -> None:
    """Write down size and SHA-256 of a result's files; `coming` are those that are written after this, with contents.

    Raises:
        UnwritableError: the record cannot be written.
        FileNotFoundError: one of those present is not.
    """
    files = {name: {"size": (folder / name).stat().st_size, "sha256": sha256_of(folder / name)} for name in present}
    for name, content in coming.items():
        files[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    write_json(folder / NAME, files)


def resized(folder: Path) -> list[Damage]:
    """The files that are missing or have another size than was written; none where nothing was written down."""
    found = []
    for name, size, _ in _sealed(folder):
        try:
            now = os.stat(f"{folder}/{name}").st_size
        except OSError:
            found.append(Damage(name, f"{name} is missing"))
            continue
        if now != size:
            found.append(Damage(name, f"{name} has {now:,} bytes, {size:,} were written"))
    return found


def altered(folder: Path, *names: str) -> list[Damage]:
    """The files that are missing or whose size or content is another than was written; read are those named, or all."""
    found = resized(folder)
    broken = {damage.file for damage in found}
    for name, _, digest in _sealed(folder):
        read = name not in broken and (not names or name in names)
        if read and sha256_of(folder / name) != digest:
            found.append(Damage(name, f"{name} is not what was written: its checksum differs"))
    return found


def _sealed(folder: Path) -> Iterator[tuple[str, int, str]]:
    """(name, size, SHA-256) of each file; a record that is damaged itself says nothing."""
    try:
        with open(f"{folder}/{NAME}", "rb") as file:  # thousands are read: no Path, no text
            content = json.load(file)
        yield from [(str(name), int(one["size"]), str(one["sha256"])) for name, one in content.items()]
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return
