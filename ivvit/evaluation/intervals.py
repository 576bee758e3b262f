"""95% intervals of an accuracy."""

import numpy as np

LEVEL = 0.95
RESAMPLES = 2000
_SEED = 20_240_101
_CHUNK = 5_000_000  # numbers drawn at a time


def accuracy_interval(correct: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The interval of a mean of bool (N,): Wilson's, or a bootstrap over groups where one has several samples.

    Args:
        correct: whether each sample is a hit.
        groups: int (N,), the number of each sample's group, from 0.
    """
    sizes = np.bincount(groups)
    if sizes.max() == 1:
        return wilson(int(correct.sum()), len(correct))
    return cluster_bootstrap(np.bincount(groups, correct), sizes)


def wilson(hits: int, total: int) -> tuple[float, float]:
    """Wilson's score interval (JASA 1927), which stays within 0 and 1 and is sound for few samples."""
    from scipy.stats import binomtest

    found = binomtest(hits, total).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)


def cluster_bootstrap(hits: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Percentiles of the accuracy over resamples of whole groups; the draws are always the same.

    Args:
        hits: hits of each group (G,).
        sizes: samples of each group (G,).
    """
    rng, groups = np.random.default_rng(_SEED), len(sizes)
    chances, values, at_once = np.full(groups, 1 / groups), [], max(1, _CHUNK // groups)
    for begin in range(0, RESAMPLES, at_once):
        counts = rng.multinomial(groups, chances, size=min(at_once, RESAMPLES - begin))  # (resamples, G)
        values.append((counts @ hits) / (counts @ sizes))
    low, high = np.quantile(np.concatenate(values), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)
