"""Random numbers that depend on nothing but a key: the same for any worker, any order, any platform."""

import hashlib
import math
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


class Rng:
    """A stream of numbers for a key such as (seed, data set, "clip", position).

    Counter-based: number n is a part of a keyed hash of n's block (BLAKE2b, RFC 7693), so that a stream costs nothing
    to begin. Permutations of a key: `ivvit.numerics.permutation`.
    """

    def __init__(self, *key: int | str) -> None:
        self._key = hashlib.blake2b(repr(key).encode(), digest_size=16).digest()
        self._block = 0
        self._ready: list[int] = []

    def _next(self) -> int:
        """The next 64 random bits."""
        if not self._ready:
            block = hashlib.blake2b(self._block.to_bytes(8, "little"), key=self._key).digest()
            self._block, self._ready = self._block + 1, list(struct.unpack("<8Q", block))
        first, *self._ready = self._ready
        return first

    def uniform(self, low: float = 0.0, high: float = 1.0) -> float:
        """A float in [low, high)."""
        return low + (high - low) * (self._next() >> 11) * 2.0**-53

    def integer(self, stop: int) -> int:
        """An integer in [0, stop)."""
        return min(int(self.uniform() * stop), stop - 1)

    def normal(self) -> float:
        """A number from the standard normal distribution (Box and Muller, 1958)."""
        radius = math.sqrt(-2 * math.log(1 - self.uniform()))
        return radius * math.cos(2 * math.pi * self.uniform())

    def beta(self, alpha: float) -> float:
        """A number from Beta(alpha, alpha)."""
        a, b = self._gamma(alpha), self._gamma(alpha)
        return a / (a + b) if a + b > 0 else float(self.uniform() < 0.5)

    def _gamma(self, shape: float) -> float:
        """A number from Gamma(shape, 1) (Marsaglia and Tsang, 2000)."""
        if shape < 1:
            return self._gamma(shape + 1) * (1 - self.uniform()) ** (1 / shape)
        d = shape - 1 / 3
        while True:
            x = self.normal()
            v = (1 + x / math.sqrt(9 * d)) ** 3
            if v > 0 and math.log(1 - self.uniform()) < 0.5 * x * x + d - d * v + d * math.log(v):
                return d * v


# SplitMix64 (Steele et al., "Fast splittable pseudorandom number generators", OOPSLA 2014), in int64 that wraps around.
_GAMMA, _MIX = -0x61C8864680B583EB, ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15))


def mix(key: "int | Tensor", counters: "Tensor") -> "Tensor":
    """int64 of 64 random bits each, for int64 counters and a key (a number, or a tensor that broadcasts)."""
    x = key + counters * _GAMMA
    for shift, factor in _MIX:
        x = (x ^ _shifted(x, shift)) * factor
    return x ^ _shifted(x, 31)


def uniforms(keys: "Tensor", count: int) -> "Tensor":
    """(R,) int64 keys -> (R, count) float32 in [0, 1), `count` numbers of each key's own stream."""
    import torch

    bits = mix(keys[:, None], torch.arange(1, count + 1, device=keys.device))
    return _shifted(bits, 40).float() * 2.0**-24


def _shifted(x: "Tensor", by: int) -> "Tensor":
    """A logical shift to the right; torch's keeps the sign."""
    return (x >> by) & ((1 << (64 - by)) - 1)
