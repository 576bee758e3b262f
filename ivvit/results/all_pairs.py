"""The differences of every two experiments; where one is new, those with it are made, and the others are kept.

Of many experiments, each is compared with the baseline and with the best alone: every two of 3,000 are 4.5 million.
"""

import json
from dataclasses import astuple
from itertools import combinations

from ivvit.ground.digest import digest
from ivvit.results.comparison import MANY, Comparison, Row
from ivvit.results.estimates import Difference

Pairs = dict[tuple[str, str, str], Difference]
"""(first, second, column) -> difference."""


def all_differences(comparison: Comparison) -> Pairs:
    """(first, second, column) -> difference, not corrected for their number, in the order of the experiments.

    Of up to MANY finished experiments every two; of more, those with the baseline, and with the one of the highest
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
    if len(names) <= MANY:
        return list(combinations(names, 2))
    compared = {comparison.ranked[0], comparison.baseline}
    places = [place for place, name in enumerate(names) if name in compared]
    pairs = {(min(one, two), max(one, two)) for one in places for two in range(len(names)) if one != two}
    return [(names[one], names[two]) for one, two in sorted(pairs)]


def _numbers(row: Row) -> str:
    return digest([[run.ref.seed, run.numbers] for run in row.runs])


def _samples(comparison: Comparison) -> list[tuple[str, str, str]]:
    """What is drawn depends on all samples of a data set, whoever saw them."""
    runs = [run for row in comparison.finished for run in row.runs]
    return list(dict.fromkeys((name, run.datasets[name].split, mine.key) for run in runs
                              for name, mine in run.predictions.items() if name in run.datasets))  # fmt: skip
