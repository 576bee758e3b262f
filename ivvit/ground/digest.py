"""Digests of plain values and of files."""

import hashlib
import json
from pathlib import Path
from typing import Any

LENGTH = 16  # 64 bits: no collision to fear among a lab's experiments, and still readable in a path


def canonical_json(value: Any) -> str:
    """Sorted keys, no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def digest(value: Any) -> str:
    """The digest of a JSON value; the order of keys does not matter."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:LENGTH]


def sha256_of(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
