"""Random numbers that depend on nothing but a key: the same for any worker, any order, any platform."""

import hashlib

import numpy as np


class Draws:
    """A stream of numbers for a key such as (seed, data set, "clip", position).

    Counter-based (Philox; Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011), keyed by a hash of
    the parts. Only the raw 64-bit stream is used, which numpy guarantees never to change.
    """

    def __init__(self, *key: int | str) -> None:
        digest = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
        self._bits = np.random.Philox(key=int.from_bytes(digest, "little"))

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A float in [low, high)."""
        return low + (high - low) * (int(self._bits.random_raw()) >> 11) * 2.0**-53

    def integer(self, stop: int) -> int:
        """An integer in [0, stop)."""
        return min(int(self.uniform() * stop), stop - 1)

    def permutation(self, size: int) -> np.ndarray:
        """The numbers 0 ... size - 1 in random order."""
        return np.argsort(self._bits.random_raw(size), kind="stable")
