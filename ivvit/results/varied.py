"""A number per seed, and how it varies when samples and seeds are drawn again.

S seeds, B draws.
"""

from dataclasses import dataclass
from functools import cache, cached_property
from math import inf, isfinite, isnan, nan, sqrt

import numpy as np
from scipy.special import stdtr, stdtrit

from ivvit.results.hits import DRAWS


@dataclass(frozen=True, eq=False)
class Varied:
    """A number per seed, (S,), and how it varies with the draws of samples, (S, B)."""

    values: np.ndarray
    drawn: np.ndarray
    groups: int
    """Of samples: what is drawn."""

    @classmethod
    def mean(cls, parts: "list[Varied]") -> "Varied":
        """The mean of several data sets, seed by seed."""
        seeds = min(len(part.values) for part in parts)
        values = np.mean([part.values[:seeds] for part in parts], axis=0)
        drawn = np.mean([part.drawn[:seeds] for part in parts], axis=0)
        return cls(values, drawn, min(part.groups for part in parts))

    @property
    def value(self) -> float:
        """The mean over seeds."""
        return float(self.values.mean())

    @cached_property
    def error(self) -> tuple[float, float]:
        """(standard error, degrees of freedom); NaN where nothing varies."""
        seeds, over_samples = len(self.values), self.drawn.mean(0)
        samples_variance = float(over_samples.var(ddof=1))
        if seeds == 1:
            return (sqrt(samples_variance), self.groups - 1) if samples_variance > 1e-12 else (nan, nan)
        both = over_samples + sqrt(seeds / (seeds - 1)) * (_redrawn(self.drawn) - over_samples)
        seeds_variance = float(self.values.var(ddof=1)) / seeds
        # what a seed does to single samples is in both parts, so once too often: taken out
        each = (self.drawn - over_samples).var(axis=1, ddof=1).sum() / (seeds - 1) / seeds
        variance = max(float(both.var(ddof=1) - each), seeds_variance, samples_variance)
        if variance < 1e-12:
            return nan, nan
        freedom = seeds_variance**2 / (seeds - 1) + samples_variance**2 / max(self.groups - 1, 1)
        return sqrt(variance), variance**2 / freedom if freedom > 0 else inf

    def interval(self) -> tuple[float, float]:
        """The 95% interval."""
        error, freedom = self.error
        half = stdtrit(freedom, 0.975) * error if isfinite(freedom) else 1.96 * error
        return self.value - half, self.value + half

    def p(self) -> float:
        """Two-sided, against zero."""
        error, freedom = self.error
        return nan if isnan(error) else float(2 * stdtr(freedom, -abs(self.value) / error))


def _redrawn(drawn: np.ndarray) -> np.ndarray:
    """(S, B) -> (B,): in each draw of samples, seeds are drawn as well; the same ones for every S alike."""
    return np.take_along_axis(drawn, _seeds_taken(len(drawn)), 0).mean(0)


@cache
def _seeds_taken(seeds: int) -> np.ndarray:
    """(S, B): the seeds of each draw."""
    return np.random.default_rng(seeds).integers(seeds, size=(seeds, DRAWS))
