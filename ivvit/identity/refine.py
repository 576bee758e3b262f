"""Digests of definitions that refer to each other, circles included: Weisfeiler-Lehman refinement."""

import hashlib
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TypeVar

Key = TypeVar("Key", bound=Hashable)
ROUNDS = 8
"""How far a difference is carried; it counts at its own place in any case."""


@dataclass(frozen=True, slots=True)
class Node:
    """A definition: a text that tells it from others, and the definitions that it refers to, in order."""

    text: str
    targets: list


def refined(nodes: dict[Key, Node]) -> dict[Key, str]:
    """A digest of each node and, so far as `ROUNDS` steps reach, of all that it refers to."""
    texts = {key: _hash(node.text.encode()) for key, node in nodes.items()}
    now = texts
    for _ in range(ROUNDS):
        now = {
            key: _hash(texts[key] + b"".join([now[target] for target in node.targets])) if node.targets else now[key]
            for key, node in nodes.items()
        }
    return {key: value.hex() for key, value in now.items()}


def _hash(content: bytes) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()
