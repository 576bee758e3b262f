"""Digests of plain values and of files."""

import hashlib
import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

PIECE, BLOCK = 1 << 26, 1 << 20  # bytes
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


def checksum_of(path: Path) -> str:
    """A digest of the CRC-32s of a file's pieces, taken at once: for files of gigabytes that may be damaged but are
    nobody's forgery. Five times as fast as SHA-256 on one core."""
    with path.open("rb") as file, ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
        number, size = file.fileno(), os.fstat(file.fileno()).st_size
        return digest([size, *pool.map(lambda start: _crc32(number, start, size), range(0, size, PIECE))])


def _crc32(file: int, start: int, size: int) -> int:
    """Of a piece, read block by block."""
    found = 0
    for place in range(start, min(start + PIECE, size), BLOCK):
        found = zlib.crc32(os.pread(file, min(BLOCK, start + PIECE - place), place), found)
    return found
