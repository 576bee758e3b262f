"""The differences of every two experiments; where one is new, those with it are made, and the others are kept.

Of many experiments, each is compared with the baseline and with the best alone: every two of 3,000 are 4.5 million.
"""

import json
from dataclasses import astuple
from itertools import combinations
from math import isnan

from ivvit.ground.digest import digest
from ivvit.results.comparison import Comparison, Row
from ivvit.results.estimates import Difference

MOST = 100
"""Experiments of which every two are compared."""

Pairs = dict[tuple[str, str, str], Difference]
"""(first, second, column) -> difference."""


def all_differences(comparison: Comparison) -> Pairs:
    """(first, second, column) -> difference, not corrected for their number, in the order of the experiments.

    Of up to MOST finished experiments every two; of more, those with the baseline, and with the one of the highest
    accuracy in the last column.
    """
    rows, common = comparison.finished, [comparison.metric, comparison.columns, _samples(comparison)]
    known = json.loads(comparison.parts.find("pairs", common) or b"{}")
    numbers, found, kept = {row.experiment: _numbers(row) for row in rows}, Pairs(), {}
    for first, second in _asked(comparison):
        for column in comparison.columns:
            key = f"{numbers[first]} {numbers[second]} {column}"
            values = known.get(key) or astuple(comparison.statistics.difference(first, second, column))
            kept[key], found[first, second, column] = values, Difference(*values)
    if kept.keys() != known.keys():
        comparison.parts.keep("pairs", common, json.dumps(kept).encode())
    return found


def _asked(comparison: Comparison) -> list[tuple[str, str]]:
    names = [row.experiment for row in comparison.finished]
    if len(names) <= MOST:
        return list(combinations(names, 2))
    accuracies = {row.experiment: row.means[comparison.columns[-1]].value for row in comparison.finished}
    best = max(names, key=lambda name: (not isnan(accuracies[name]), accuracies[name]))
    others = {best, comparison.baseline} & set(names)
    place = {name: number for number, name in enumerate(names)}
    pairs = {tuple(sorted((name, other), key=place.__getitem__)) for name in names for other in others - {name}}
    return sorted(pairs, key=lambda pair: (place[pair[0]], place[pair[1]]))


def _numbers(row: Row) -> str:
    return digest([[run.ref.seed, run.numbers] for run in row.runs])


def _samples(comparison: Comparison) -> list[tuple[str, str, str]]:
    """What is drawn depends on all samples of a data set, whoever saw them."""
    runs = [run for row in comparison.finished for run in row.runs]
    return list(dict.fromkeys((name, run.datasets[name].split, mine.key) for run in runs
                              for name, mine in run.predictions.items() if name in run.datasets))  # fmt: skip
