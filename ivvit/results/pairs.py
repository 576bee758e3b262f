"""Two experiments on the same samples of a data set."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import bdtr

from ivvit.results.hits import DatasetHits
from ivvit.results.varied import Varied, difference_sides

_SIGNS, _ALL = 9_999, 13
"""Draws of signs; groups up to which all signs are tried instead."""


@dataclass(frozen=True, eq=False)
class Pair:
    """Two experiments on one data set."""

    hits: DatasetHits
    first: list[int]
    second: list[int]
    among: np.ndarray
    common: bool
    """Whether they have seeds in common, so that rows belong together in pairs."""

    @property
    def seeds(self) -> int:
        """How many seeds the comparison rests on."""
        return min(len(self.first), len(self.second))

    @property
    def samples(self) -> int:
        """That all runs saw."""
        return int(self.among.sum())

    @cached_property
    def varied(self) -> Varied:
        """The differences, seed by seed where seeds are common; else each seed of either stands for itself."""
        values = [self.hits.rates(rows, self.among) for rows in (self.first, self.second)]
        drawn = [self.hits.drawn(rows, self.among) for rows in (self.first, self.second)]
        first, second = (self.hits.sums(rows, self.among) for rows in (self.first, self.second))
        sizes = self.hits.sizes(self.among)
        sides = difference_sides(first - second, sizes)
        if self.common:
            return Varied(values[0] - values[1], drawn[0] - drawn[1], len(sizes), sides)
        # independent seeds may be paired in any way: the variance of the difference is the sum of both either way
        one, two = (_thinned(value, draws, self.seeds) for value, draws in zip(values, drawn, strict=True))
        return Varied(one[0] - two[0], one[1] - two[1], len(sizes), sides)

    def exact(self) -> tuple[float, str]:
        """(p, the test) for a single seed of each: are there more samples that only one got right?"""
        first, second = (self.hits.hits[rows[0], self.among].astype(int) for rows in (self.first, self.second))
        if self.hits.groups is None:
            only_first, only_second = int((first > second).sum()), int((second > first).sum())
            discordant = only_first + only_second
            tail = float(bdtr(min(only_first, only_second), discordant, 0.5)) if discordant else 1.0
            return min(1.0, 2 * tail), "McNemar, exact"
        by_group = np.bincount(self.hits.groups[self.among], first - second)
        return _sign_flips(by_group[by_group != 0]), "sign flips of groups"


def _thinned(values: np.ndarray, drawn: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The first `size` seeds, moved so that their mean is that of all."""
    shift = values.mean() - values[:size].mean()
    return values[:size] + shift, drawn[:size] + (drawn.mean(0) - drawn[:size].mean(0))


def _sign_flips(differences: np.ndarray) -> float:
    """McNemar's test for groups: without a difference each group's could as well have the other sign."""
    count = len(differences)
    if count <= _ALL:
        signs = np.arange(2**count)[:, None] >> np.arange(count) & 1
    else:
        signs = np.random.default_rng(0).integers(0, 2, (_SIGNS, count), dtype=np.int8)
    sums = np.abs((2 * signs - 1).astype(np.float32) @ differences.astype(np.float32))
    as_far = int((sums >= abs(differences.sum()) - 1e-6).sum())
    return as_far / len(signs) if count <= _ALL else (as_far + 1) / (_SIGNS + 1)
