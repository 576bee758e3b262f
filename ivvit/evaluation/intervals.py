"""95% intervals of an accuracy, and how a mean varies over groups of samples that belong together.

Where samples belong together, Wilson's interval takes their effective number: what their variance over groups stands
for. Franco, Little, Louis and Slud (JSSAM 7, 2019) recommend it for clustered samples, Dean and Pagano (JSSAM 3, 2015)
likewise. No variance can be estimated from groups that are all right (Korn and Graubard, Survey Methodology 24, 1998,
leave the case open), and near there it comes out too small. So two groups more are counted, one that is all right and
one that is all wrong, as Agresti and Coull (American Statistician 52, 1998) add samples: then no interval is without
width, and G groups that are all right tell as much as about G samples. `benchmarks/intervals.py` measures the coverage.
"""

import numpy as np

Z = 1.959963984540054
"""The standard normal's quantile for 95%."""


def accuracy_interval(correct: np.ndarray, groups: np.ndarray) -> tuple[float, float]:
    """The interval of a mean of bool (N,): Wilson's, for the effective number of samples where some belong together.

    Args:
        correct: whether each sample is a hit.
        groups: int (N,), the number of each sample's group, from 0.
    """
    sizes, total = np.bincount(groups), float(len(correct))
    if sizes.max() > 1:
        total = min(effective_size(np.bincount(groups, correct), sizes), total)
    return wilson(float(np.mean(correct)), total)


def wilson(share: float, total: float) -> tuple[float, float]:
    """Wilson's score interval (JASA 1927), which stays within 0 and 1 and is sound for few samples.

    Args:
        share: of hits.
        total: the number of samples, or an effective one.
    """
    squared = Z**2 / total
    middle, half = share + squared / 2, Z * np.sqrt(share * (1 - share) / total + squared / total / 4)
    low, high = (middle - half) / (1 + squared), (middle + half) / (1 + squared)
    return max(float(low), 0.0), min(float(high), 1.0)


def effective_size(hits: np.ndarray, sizes: np.ndarray) -> float:
    """How many independent samples would vary as these groups do; see the module.

    Args:
        hits: hits of each group (G,).
        sizes: samples of each group (G,).
    """
    mean, variance, kept = with_two_more(hits, sizes, least=0)
    return mean * (1 - mean) / variance * kept


def with_two_more(sums: np.ndarray, sizes: np.ndarray, least: float) -> tuple[float, float, float]:
    """(mean over samples, its variance over groups, the groups' own share) with two groups more, one at each end.

    Args:
        sums: of each group (G,), of values from `least` to 1.
        sizes: samples of each group (G,).
        least: the lower end of a sample's value.
    """
    total = sizes.sum()
    typical = (sizes.astype(float) ** 2).sum() / total  # the size of a sample's group
    sums, sizes = np.r_[sums, typical * least, typical], np.r_[sizes, typical, typical]
    mean, groups = sums.sum() / sizes.sum(), len(sizes)
    variance = groups / (groups - 1) * ((sums - mean * sizes) ** 2).sum() / sizes.sum() ** 2
    return float(mean), float(variance), float(total / sizes.sum())
