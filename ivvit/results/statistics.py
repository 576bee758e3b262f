"""Means over seeds and data sets, and paired comparisons of experiments."""

from itertools import combinations
from math import nan

import pandas as pd

from ivvit.results.runs import Run, RunRef, datasets_of

ALL = "all"
"""Stands for the mean over all data sets; given only for experiments that have every data set of the table."""


def comparison(refs: list[RunRef], runs: list[Run], metric: str) -> pd.DataFrame:
    """A row per experiment in the order of `refs`: mean and sample standard deviation over its finished seeds.

    Columns: experiment, model, pretrain, iterations, n (finished seeds), missing (seeds without a result), and for each
    data set and for `all` `<name>_<metric>_mean` and `<name>_<metric>_std`. Accuracies are fractions.
    """
    values = seed_values(runs, metric)
    rows = []
    for name in dict.fromkeys(ref.experiment for ref in refs):
        mine = [run for run in runs if run.ref.experiment == name]
        missing = [str(ref.seed) for ref in refs if ref.experiment == name and not ref.finished]
        row = {"experiment": name, **_about(mine), "n": len(mine), "missing": " ".join(missing)}
        found = values[values.index.get_level_values("experiment") == name]
        for column in values.columns:
            row[f"{column}_{metric}_mean"] = found[column].mean()
            row[f"{column}_{metric}_std"] = found[column].std(ddof=1)
        rows.append(row)
    return pd.DataFrame(rows)


def seed_values(runs: list[Run], metric: str) -> pd.DataFrame:
    """The metric by (experiment, seed) and data set, and its mean over all data sets."""
    names = datasets_of(runs)
    index = pd.MultiIndex.from_tuples(
        [(run.ref.experiment, run.ref.seed) for run in runs], names=["experiment", "seed"]
    )
    values = pd.DataFrame(
        [[run.datasets.get(name, {}).get(metric, nan) for name in names] for run in runs], index, names, dtype=float
    )
    values[ALL] = values.mean(axis=1, skipna=False)
    return values


def paired(runs: list[Run], metric: str) -> pd.DataFrame:
    """Differences between experiments seed by seed, for pairs with two or more seeds and a data set in common.

    Columns: first, second, seeds, datasets (compared over), difference (first - second, the mean over seeds of the mean
    over data sets), std (of the differences), p (two-sided paired t-test; not corrected for the number of pairs).
    """
    values = seed_values(runs, metric).drop(columns=ALL)
    rows = []
    for first, second in combinations(dict.fromkeys(values.index.get_level_values("experiment")), 2):
        difference = (values.loc[first] - values.loc[second]).dropna(axis=1, how="all").dropna()
        if len(difference) < 2 or difference.empty:
            continue
        by_seed = difference.mean(axis=1)
        rows.append([first, second, len(by_seed), " ".join(difference.columns), by_seed.mean(), by_seed.std(ddof=1),
                     _t_test(by_seed)])  # fmt: skip
    return pd.DataFrame(rows, columns=["first", "second", "seeds", "datasets", "difference", "std", "p"])


def _t_test(differences: pd.Series) -> float:
    from scipy.stats import ttest_1samp

    if differences.std(ddof=1) == 0:  # equal differences have no t statistic
        return 0.0 if differences.iloc[0] else 1.0
    return float(ttest_1samp(differences, 0.0).pvalue)


def _about(runs: list[Run]) -> dict[str, object]:
    if not runs:
        return {"model": "", "pretrain": "", "iterations": None}
    specification = runs[0].specification
    return {
        "model": runs[0].model,
        "pretrain": specification.get("pretrain", ""),
        "iterations": specification.get("iterations"),
    }
