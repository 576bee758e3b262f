"""Short digests of plain values."""

import hashlib
from typing import Any

from ivvit.config.canonical import canonical_json

LENGTH = 16  # 64 bits: no collision to fear among a lab's experiments, and still readable in a path


def digest(value: Any) -> str:
    """The digest of a JSON value; the order of keys does not matter."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()[:LENGTH]
