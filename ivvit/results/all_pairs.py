"""The differences of every two experiments, in blocks: where a run is new, those of its block's are made again."""

import json
from dataclasses import astuple
from functools import partial
from itertools import combinations_with_replacement

from ivvit.results.comparison import Comparison, Row
from ivvit.results.estimates import Difference

_BLOCK = 10
"""Experiments either way."""

Pairs = dict[tuple[str, str, str], Difference]
"""(first, second, column) -> difference."""


def all_differences(comparison: Comparison) -> Pairs:
    """The differences of every two finished experiments in their order, not corrected for their number."""
    rows, found = comparison.finished, Pairs()
    blocks = [rows[start : start + _BLOCK] for start in range(0, len(rows), _BLOCK)]
    common = [comparison.metric, comparison.columns, _samples(comparison)]
    for first, second in combinations_with_replacement(blocks, 2):
        asked = [(one.experiment, other.experiment, column)
                 for i, one in enumerate(first) for j, other in enumerate(second) if first is not second or i < j
                 for column in comparison.columns]  # fmt: skip
        key = [common, [[_numbers(row) for row in block] for block in (first, second)]]
        content = json.loads(comparison.parts.get("pairs", key, partial(_made, comparison, asked)))
        found |= {pair: Difference(*values) for pair, values in zip(asked, content, strict=True)}
    return found


def _made(comparison: Comparison, asked: list[tuple[str, str, str]]) -> bytes:
    return json.dumps([astuple(comparison.statistics.difference(*pair)) for pair in asked]).encode()


def _numbers(row: Row) -> list[tuple[int, str]]:
    return [(run.ref.seed, run.numbers) for run in row.runs]


def _samples(comparison: Comparison) -> list[tuple[str, str, str]]:
    """What is drawn depends on all samples of a data set, whoever saw them."""
    runs = [run for row in comparison.finished for run in row.runs]
    return list(dict.fromkeys((name, run.datasets[name].split, mine.key) for run in runs
                              for name, mine in run.predictions.items() if name in run.datasets))  # fmt: skip
