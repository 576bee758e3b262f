"""Which run got which sample of a data set right, and how its accuracy varies when samples are drawn again.

R runs, U samples that any of them saw, G groups of samples that belong together (else G = U), B draws.
"""

import hashlib
from collections.abc import Sequence

import numpy as np

from ivvit.results.predictions import Predictions

DRAWS = 1_000
"""Of samples; a standard error is then known to 2%."""
_CHUNK = 250


class DatasetHits:
    """All runs on one data set. The draws are a pure function of the data set's name and its number of groups."""

    def __init__(self, name: str, found: Sequence[Predictions], metric: str) -> None:
        places, size, groups = _align(found)
        self.hits = np.zeros((len(found), size), bool)
        """(R, U)."""
        self.seen = np.zeros((len(found), size), bool)
        """(R, U): a file that one run could not read may be another's sample."""
        for row, (place, mine) in enumerate(zip(places, found, strict=True)):
            self.hits[row, place], self.seen[row, place] = mine.hits(metric), True
        self.groups = groups
        """(U,) or None where samples are independent."""
        self.num_groups = size if groups is None else int(groups.max()) + 1
        digest = hashlib.sha256(f"{name} {self.num_groups}".encode()).digest()
        self._rng_seed = int.from_bytes(digest[:8], "little")
        self._weights: np.ndarray | None = None
        self._drawn: dict[tuple[int, bytes], np.ndarray] = {}
        self._whole = bool(self.seen.all())
        self._rates = self.hits.mean(1)

    def common(self, rows: Sequence[int]) -> np.ndarray:
        """(U,) the samples that all these runs saw."""
        return np.all(self.seen[list(rows)], axis=0)

    def rates(self, rows: Sequence[int], among: np.ndarray) -> np.ndarray:
        """(len(rows),) the accuracies among these samples (U,)."""
        return self._rates[list(rows)] if self._whole else self.hits[list(rows)][:, among].mean(1)

    def drawn(self, rows: Sequence[int], among: np.ndarray) -> np.ndarray:
        """(len(rows), B) the same accuracies for samples (or whole groups) drawn with replacement."""
        if self._whole and not self._drawn:  # the usual case: all at once
            self._draw(range(len(self.hits)), among)
        mask = b"" if self._whole else np.packbits(among).tobytes()
        if missing := [row for row in dict.fromkeys(rows) if (row, mask) not in self._drawn]:
            self._draw(missing, among)
        return np.stack([self._drawn[row, mask] for row in rows])

    def sums(self, rows: Sequence[int], among: np.ndarray) -> np.ndarray:
        """The hits in each group that has some of these samples, means over these rows; see `sizes`."""
        sums = self.by_group((self.hits[list(rows)] & among).mean(0)[None])[0]
        return sums[self.by_group(among.astype(float)[None])[0] > 0]

    def sizes(self, among: np.ndarray) -> np.ndarray:
        """How many of these samples each group has, of those that have some."""
        sizes = self.by_group(among.astype(float)[None])[0]
        return sizes[sizes > 0]

    def by_group(self, values: np.ndarray) -> np.ndarray:
        """(..., U) -> (..., G): sums over each group."""
        if self.groups is None:
            return values
        flat = values.reshape(-1, values.shape[-1])
        sums = np.stack([np.bincount(self.groups, row, self.num_groups) for row in flat])
        return sums.reshape(*values.shape[:-1], self.num_groups)

    def _draw(self, rows: Sequence[int], among: np.ndarray) -> None:
        weights, rows = self._draws(), list(rows)
        hits = self.by_group((self.hits[rows] & among).astype(np.float32)).astype(np.float32)
        counts = self.by_group(among.astype(np.float32)[None]).astype(np.float32)
        parts = []
        for start in range(0, DRAWS, _CHUNK):
            chunk = weights[start : start + _CHUNK].astype(np.float32).T  # (G, chunk)
            parts.append((hits @ chunk) / np.maximum(counts @ chunk, 1))
        mask = b"" if self._whole else np.packbits(among).tobytes()
        for row, values in zip(rows, np.concatenate(parts, 1), strict=True):
            self._drawn[row, mask] = values

    def _draws(self) -> np.ndarray:
        """(B, G) uint8: how often each group is drawn; every draw takes G groups."""
        if self._weights is None:
            rng, size = np.random.default_rng(self._rng_seed), self.num_groups
            self._weights = np.empty((DRAWS, size), np.uint8)
            for row in self._weights:
                row[:] = np.bincount(rng.integers(size, size=size, dtype=np.int32), minlength=size)
        return self._weights


def _align(found: Sequence[Predictions]) -> tuple[list[np.ndarray | slice], int, np.ndarray | None]:
    """(where each run's samples are among all, how many these are, their groups)."""
    first = found[0]
    if all(mine.key == first.key for mine in found):
        return [slice(None)] * len(found), len(first), first.groups
    index: dict[str, int] = {}
    known: dict[str, np.ndarray] = {}
    groups: dict[int, object] = {}
    for mine in found:
        if mine.key in known:
            continue
        paths = mine.paths.to_pylist()
        places = np.array([index.setdefault(path, len(index)) for path in paths])
        known[mine.key] = places
        if mine.groups is not None:  # numbers differ between runs: a group goes by the first file that is known of it
            leaders: dict[int, object] = {}
            for place, group in zip(places.tolist(), mine.groups.tolist(), strict=True):
                leader = leaders.setdefault(group, groups.get(place, place))
                groups.setdefault(place, leader)
    codes = np.array([groups.get(place, place) for place in range(len(index))])
    _, codes = np.unique(codes, return_inverse=True)
    together = None if codes.max() + 1 == len(codes) else codes
    return [known[mine.key] for mine in found], len(index), together
