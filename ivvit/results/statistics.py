"""Accuracies with their intervals, and differences with theirs, over samples and seeds together.

Samples are drawn again (whole groups where some belong together), the same ones for all runs, and seeds are drawn again
at the same time. The standard error is the deviation over these draws; intervals and p-values take it as Student's t,
whose degrees of freedom say how few seeds there are (Satterthwaite): three seeds are not taken for many. The samples'
part of it counts two groups more, one at each end (`ivvit.evaluation.intervals`), so that no interval is without width
where no draw differs. With one seed the exact test of paired answers is used: McNemar's, or where samples belong
together its form for groups.
"""

from collections.abc import Sequence
from functools import cached_property
from math import isnan, nan

from ivvit.results.estimates import Difference, Estimate, holm
from ivvit.results.hits import DatasetHits
from ivvit.results.pairs import Pair
from ivvit.results.runs import DatasetResult, Run, by_experiment, datasets_of
from ivvit.results.varied import Varied, accuracy_sides

ALL = "all"
"""Stands for the mean over all data sets; given only for experiments that have every data set of the table."""


class Statistics:
    """Everything that tables and figures say about the accuracies of these runs.

    Args:
        runs: finished ones.
        metric: top1 or top5; data sets with fewer than six classes have no top5.
    """

    def __init__(self, runs: Sequence[Run], metric: str = "top1") -> None:
        self.metric = metric
        self.datasets = datasets_of(list(runs))
        self.measured = [name for name in self.datasets if any(_has(run, name, metric) for run in runs)]
        """The data sets that have this metric; the mean is over them."""
        self.runs = by_experiment(list(runs))
        self._means: dict[tuple[str, str], Estimate] = {}
        self._differences: dict[tuple[str, str, str], Difference] = {}

    @cached_property
    def _hits(self) -> dict[tuple[str, str], tuple[DatasetHits, dict[str, dict[int, int]]]]:
        """(data set, split) -> the hits, and the row of each experiment's seeds."""
        found: dict[tuple[str, str], list[Run]] = {}
        for run in (run for runs in self.runs.values() for run in runs):
            for name, result in run.datasets.items():
                if _has(run, name, self.metric):
                    found.setdefault((name, result.split), []).append(run)
        return {
            (name, split): (
                DatasetHits(f"{name} {split}", [run.predictions[name] for run in runs], self.metric),
                _rows_of(runs),
            )
            for (name, split), runs in found.items()
        }

    def complete(self, experiment: str) -> bool:
        """Whether an experiment has every data set of the table, so that its mean can be compared."""
        runs = self.runs.get(experiment, [])
        return bool(runs) and all(_has(run, name, self.metric) for run in runs for name in self.measured)

    def mean(self, experiment: str, dataset: str) -> Estimate:
        """An experiment's accuracy on a data set, or on `ALL`."""
        key = (experiment, dataset)
        if key not in self._means:
            self._means[key] = self._mean(experiment, dataset)
        return self._means[key]

    def difference(self, first: str, second: str, dataset: str) -> Difference:
        """How much better the first is, over the samples that both saw and the seeds that both have."""
        key = (first, second, dataset)
        if key not in self._differences:
            self._differences[key] = self._difference(first, second, dataset)
        return self._differences[key]

    def _mean(self, experiment: str, dataset: str) -> Estimate:
        if dataset == ALL and not self.complete(experiment):
            return Estimate()
        names = self.measured if dataset == ALL else [dataset]
        parts = [part for name in names if (part := self._part(experiment, name)) is not None]
        if len(parts) < len(names):
            return Estimate()
        varied = Varied.mean(parts)
        mine = [[run.datasets[name] for run in self.runs[experiment] if name in run.datasets] for name in names]
        low, high = self._interval(varied, mine)
        deviation = float(varied.values.std(ddof=1)) if len(varied.values) > 1 else nan
        samples = sum(results[0].num_samples for results in mine)
        return Estimate(varied.value, max(low, 0.0), min(high, 1.0), deviation, len(varied.values), samples)

    def _interval(self, varied: Varied, results: list[list[DatasetResult]]) -> tuple[float, float]:
        """For a single run on one data set the evaluation's own."""
        alone = results[0][0] if len(results) == len(results[0]) == 1 else None
        return (alone.interval(self.metric) if alone else None) or varied.interval()

    def _part(self, experiment: str, dataset: str) -> Varied | None:
        for (name, _), (hits, rows) in self._hits.items():
            mine = list(rows.get(experiment, {}).values())
            if name == dataset and mine:
                among = hits.common(mine)
                if among.any():
                    sizes = hits.sizes(among)
                    sides = accuracy_sides(hits.sums(mine, among), sizes)
                    return Varied(hits.rates(mine, among), hits.drawn(mine, among), len(sizes), sides)
        return None

    def _difference(self, first: str, second: str, dataset: str) -> Difference:
        names = self.measured if dataset == ALL else [dataset]
        if first == second or (dataset == ALL and not (self.complete(first) and self.complete(second))):
            return Difference()
        found = [pair for name in names if (pair := self._pair(first, second, name)) is not None]
        if len(found) < len(names):
            return Difference()
        varied = Varied.mean([pair.varied for pair in found])
        low, high = varied.interval()
        p, test = varied.p(), "bootstrap over samples and seeds"
        if found[0].seeds == 1 and len(found) == 1:
            p, test = found[0].exact()
        elif found[0].seeds == 1:
            test = "bootstrap over samples"
        samples = sum(pair.samples for pair in found)
        return Difference(varied.value, max(low, -1.0), min(high, 1.0), p, found[0].seeds, samples, test)

    def _pair(self, first: str, second: str, dataset: str) -> Pair | None:
        for (name, _), (hits, rows) in self._hits.items():
            seeds = [rows.get(experiment, {}) for experiment in (first, second)]
            if name != dataset or not all(seeds):
                continue
            common = sorted(set(seeds[0]) & set(seeds[1]))
            mine = [[found[seed] for seed in common] if common else list(found.values()) for found in seeds]
            among = hits.common([*mine[0], *mine[1]])
            return Pair(hits, mine[0], mine[1], among, bool(common)) if among.any() else None
        return None


def _rows_of(runs: Sequence[Run]) -> dict[str, dict[int, int]]:
    """Experiment -> seed -> its row."""
    found: dict[str, dict[int, int]] = {}
    for row, run in enumerate(runs):
        found.setdefault(run.ref.experiment, {})[run.ref.seed] = row
    return found


def _has(run: Run, dataset: str, metric: str) -> bool:
    return dataset in run.datasets and run.datasets[dataset].value(metric) is not None


def best(statistics: Statistics, experiments: Sequence[str], dataset: str) -> set[str]:
    """The best of these experiments on a data set, and all that are not significantly worse than it."""
    values = {name: statistics.mean(name, dataset).value for name in experiments}
    known = {name: value for name, value in values.items() if not isnan(value)}
    if len(known) < 2:
        return set()
    top = max(known, key=lambda name: known[name])
    others = [name for name in known if name != top]
    tests = holm([statistics.difference(name, top, dataset) for name in others])
    close = {name for name, test in zip(others, tests, strict=True)
             if known[name] == known[top] or not (isnan(test.adjusted) or test.significant)}  # fmt: skip
    return {top} | close
