"""Random numbers that depend on nothing but a key: the same for any worker, any order, any platform."""

import hashlib
import struct


class Rng:
    """A stream of numbers for a key such as (seed, data set, "clip", position).

    Counter-based: number n is a part of a keyed hash of n's block (BLAKE2b, RFC 7693), so that a stream costs nothing
    to begin. Permutations of a key: `ivvit.numerics.permutation`.
    """

    def __init__(self, *key: int | str) -> None:
        self._key = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
        self._block, self._ready = 0, ()

    def _next(self) -> int:
        """The next 64 random bits."""
        if not self._ready:
            block = hashlib.blake2b(self._block.to_bytes(8, "little"), key=self._key).digest()
            self._block, self._ready = self._block + 1, struct.unpack("<8Q", block)
        first, *self._ready = self._ready
        return first

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A float in [low, high)."""
        return low + (high - low) * (self._next() >> 11) * 2.0**-53

    def integer(self, stop: int) -> int:
        """An integer in [0, stop)."""
        return min(int(self.uniform() * stop), stop - 1)
