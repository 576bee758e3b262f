"""How often the 95% interval of an accuracy holds the truth, and how wide it is, for samples in groups.

    python benchmarks/intervals.py

`accuracy_interval` beside the bootstrap over groups and Korn and Graubard's effective number (its variance from the
groups alone, with Student's t, and the number of groups where nothing varies; here in Wilson's interval). Groups of
1 to 8 samples, or all of 4; their chances are drawn from a beta distribution with the correlation given.
"""

import numpy as np
from scipy.stats import t

from ivvit.evaluation.intervals import Z, accuracy_interval, wilson

REPEATS = 400


def bootstrap(hits: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> tuple[float, float]:
    """Percentiles over resamples of groups."""
    counts = rng.multinomial(len(sizes), np.full(len(sizes), 1 / len(sizes)), size=500)
    low, high = np.quantile((counts @ hits) / (counts @ sizes), [0.025, 0.975])
    return low, high


def korn_graubard(hits: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """Wilson's interval for their effective number of samples."""
    groups, total = len(sizes), sizes.sum()
    share = hits.sum() / total
    variance = groups / (groups - 1) * ((hits - share * sizes) ** 2).sum() / total**2
    size = share * (1 - share) / variance if variance else total**2 / (sizes**2).sum()
    return wilson(share, min(size, total) * (Z / t.ppf(0.975, groups - 1)) ** 2)


def drawn(rng: np.random.Generator, groups: int, truth: float, correlation: float, even: bool) -> tuple:
    """(hits, sizes) of each group."""
    sizes = np.full(groups, 4) if even else rng.integers(1, 9, groups)
    if correlation == 1:
        return sizes * (rng.random(groups) < truth), sizes
    spread = 1 / correlation - 1 if correlation else np.inf
    chances = rng.beta(truth * spread, (1 - truth) * spread, groups) if correlation else np.full(groups, truth)
    return rng.binomial(sizes, chances), sizes


def ours(hits: np.ndarray, sizes: np.ndarray) -> tuple[float, float]:
    """accuracy_interval, which takes samples."""
    correct = np.concatenate([np.arange(size) < hit for hit, size in zip(hits, sizes, strict=True)])
    return accuracy_interval(correct, np.repeat(np.arange(len(sizes)), sizes))


def main() -> None:
    """Print a line for each setting, and the worst of all."""
    rng, worst = np.random.default_rng(0), dict[str, float]()
    print("coverage in % (mean width)")
    settings = [(groups, correlation, truth, even) for groups in (5, 14, 40, 200) for correlation in (0, 0.1, 0.5, 1)
                for truth in (0.5, 0.8, 0.95, 0.99) for even in (True, False)]  # fmt: skip
    for groups, correlation, truth, even in settings:
        found: dict[str, list[tuple[float, float]]] = {}
        for _ in range(REPEATS):
            made = drawn(rng, groups, truth, correlation, even)
            found.setdefault("two groups more", []).append(ours(*made))
            found.setdefault("korn-graubard", []).append(korn_graubard(*made))
            found.setdefault("bootstrap", []).append(bootstrap(*made, rng))
        texts = []
        for name, intervals in found.items():
            low, high = np.array(intervals).T
            coverage = 100 * float(np.mean((low <= truth + 1e-9) & (truth - 1e-9 <= high)))
            worst[name] = min(worst.get(name, 100.0), coverage)
            texts.append(f"{name} {coverage:.1f} ({(high - low).mean():.3f})")
        print(f"{groups} groups of {'4' if even else '1-8'}, correlation {correlation}, truth {truth}:", *texts)
    print("worst:", *(f"{name} {coverage:.1f}" for name, coverage in worst.items()))


if __name__ == "__main__":
    main()
