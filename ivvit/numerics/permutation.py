"""Permutations computed place by place: an epoch of 14 million samples needs no array of its order in any worker."""

import hashlib
import struct
from math import isqrt

ROUNDS = 8


class Permutation:
    """The numbers 0 ... size - 1 in an order that the key decides.

    A Feistel network on Z_a x Z_b, a b >= size; what falls outside is sent through it again ("cycle walking"; Black &
    Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section 4). Its rounds mix as SplitMix64 does (Steele
    et al., "Fast splittable pseudorandom number generators", OOPSLA 2014), keyed by a hash: even, not secret.
    """

    def __init__(self, size: int, *key: int | str) -> None:
        self._size = size
        self._keys = struct.unpack(f"<{ROUNDS}Q", hashlib.blake2b(repr(key).encode(), digest_size=8 * ROUNDS).digest())
        self._a = isqrt(size - 1) + 1
        self._b = -(-size // self._a)

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, place: int) -> int:
        """The number at a place."""
        if not 0 <= place < self._size:
            raise IndexError(place)
        number = self._once(place)
        while number >= self._size:
            number = self._once(number)
        return number

    def _once(self, number: int) -> int:
        a, b, keys = self._a, self._b, iter(self._keys)
        left, right = divmod(number, b)
        for even, odd in zip(keys, keys, strict=True):
            left = (left + _mixed(right ^ even)) % a
            right = (right + _mixed(left ^ odd)) % b
        return left * b + right


def _mixed(x: int) -> int:
    """SplitMix64's finaliser: 64 bits of which each depends on all of x."""
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & 0xFFFFFFFFFFFFFFFF
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & 0xFFFFFFFFFFFFFFFF
    return x ^ (x >> 31)
