"""A number per seed, and how it varies when samples and seeds are drawn again.

S seeds, B draws.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from math import nan, sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from ivvit.evaluation.intervals import Z, effective_size, wilson, with_two_more
from ivvit.results.hits import DRAWS


@dataclass(frozen=True, eq=False)
class Varied:
    """A number per seed, (S,), and how it varies with the draws of samples, (S, B)."""

    values: np.ndarray
    drawn: np.ndarray
    groups: int
    """Of samples: what is drawn."""
    sides: tuple[float, float]
    """Standard errors of the samples alone, downwards and upwards: positive also where no draw differs."""

    @classmethod
    def mean(cls, parts: "list[Varied]") -> "Varied":
        """The mean of several data sets, seed by seed; sides add as squares (Zou and Donner, Stat. Med. 27, 2008)."""
        seeds = min(len(part.values) for part in parts)
        values = np.mean([part.values[:seeds] for part in parts], axis=0)
        drawn = np.mean([part.drawn[:seeds] for part in parts], axis=0)
        down, up = (float(np.linalg.norm(side)) / len(parts) for side in zip(*(p.sides for p in parts), strict=True))
        return cls(values, drawn, min(part.groups for part in parts), (down, up))

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @property
    def varies(self) -> bool:
        """Whether seeds or draws of samples differ at all."""
        return sum(self._variances[:2]) > 1e-12

    @cached_property
    def _variances(self) -> tuple[float, float, float]:
        """(variance of samples, what seeds add to it, degrees of freedom)."""
        seeds, over_samples, freedom = len(self.values), self.drawn.mean(0), max(self.groups - 1, 1)
        samples = float(over_samples.var(ddof=1))
        if seeds == 1:
            return samples, 0.0, freedom
        both = over_samples + sqrt(seeds / (seeds - 1)) * (_redrawn(self.drawn) - over_samples)
        own = float(self.values.var(ddof=1)) / seeds
        # what a seed does to single samples is in both parts, so once too often: taken out
        each = (self.drawn - over_samples).var(axis=1, ddof=1).sum() / (seeds - 1) / seeds
        total = max(float(both.var(ddof=1) - each), own, samples)
        parts = own**2 / (seeds - 1) + samples**2 / freedom
        return samples, total - samples, total**2 / parts if parts > 1e-24 else freedom

    def interval(self) -> tuple[float, float]:
        """The 95% interval."""
        quantile = stdtrit(self._variances[2], 0.975)
        down, up = (quantile * self._error(side) for side in self.sides)
        return self.value - down, self.value + up

    def p(self) -> float:
        """Two-sided, against zero; NaN where nothing varies."""
        error = self._error(self.sides[0 if self.value > 0 else 1])
        return float(2 * stdtr(self._variances[2], -abs(self.value) / error)) if self.varies else nan

    def _error(self, side: float) -> float:
        return sqrt(self._variances[1] + side**2)


def accuracy_sides(hits: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """`sides` of an accuracy: Wilson's interval for the effective number of samples.

    Args:
        hits: of each group (G,), means over seeds.
        sizes: samples of each group (G,).
    """
    share = float(hits.sum() / sizes.sum())
    low, high = wilson(share, effective_size(hits, sizes))
    return (share - low) / Z, (high - share) / Z


def difference_sides(differences: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """`sides` of a difference, with two groups more: one that only the first gets right, one that only the second does.

    As Bonett and Price add pairs (J. Educ. Behav. Stat. 37, 2012), which Fagerland, Lydersen and Laake (Stat. Med. 33,
    2014) recommend.

    Args:
        differences: first's hits minus second's of each group (G,), means over seeds.
        sizes: samples of each group (G,).
    """
    mean, variance, _ = with_two_more(differences, sizes, least=-1)
    shift = (float(differences.sum() / sizes.sum()) - mean) / Z  # the two pull the mean towards zero
    return max(sqrt(variance) + shift, 0.0), max(sqrt(variance) - shift, 0.0)


def _redrawn(drawn: np.ndarray) -> np.ndarray:
    """(S, B) -> (B,): in each draw of samples, seeds are drawn as well; the same ones for every S alike."""
    return np.take_along_axis(drawn, _seeds_taken(len(drawn)), 0).mean(0)


@cache
def _seeds_taken(seeds: int) -> np.ndarray:
    """(S, B): the seeds of each draw."""
    return np.random.default_rng(seeds).integers(seeds, size=(seeds, DRAWS))
