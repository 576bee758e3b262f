"""The comparison of all experiments: what every table, figure and sentence about it is made from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from ivvit.ground.errors import UserError
from ivvit.ground.names import unknown
from ivvit.results.cost import Cost, cost
from ivvit.results.estimates import Difference, Estimate, holm
from ivvit.results.joint import JointAgainstSingle, joint_against_single
from ivvit.results.parts import Parts
from ivvit.results.reading import read_runs
from ivvit.results.references import Reference
from ivvit.results.runs import Run, RunRef
from ivvit.results.statistics import ALL, Statistics, best
from ivvit.results.words import class_words

MANY = 100
"""Experiments of which each is drawn and every two are compared: of 3,000, a line each would be 15 metres."""
METRIC_NAMES = {"top1": "top-1", "top5": "top-5"}


@dataclass(frozen=True)
class Row:
    """One experiment; without a finished run it has neither numbers nor a cost."""

    experiment: str
    runs: list[Run]
    wanted: int
    """Seeds that the configuration asks for."""
    means: dict[str, Estimate]
    """Data set (or ALL) -> accuracy."""
    differences: dict[str, Difference]
    """To the baseline."""
    cost: Cost | None
    tuned: str | None
    accepted: str | None

    @property
    def model(self) -> str:
        """The model's name and options."""
        return self.runs[0].model if self.runs else ""

    def setting(self, key: str) -> object:
        """A key of experiment.yaml."""
        return self.runs[0].specification.get(key) if self.runs else None

    def split(self, dataset: str) -> str | None:
        """The split that is reported of a data set."""
        return next((run.datasets[dataset].split for run in self.runs if dataset in run.datasets), None)


@dataclass(frozen=True)
class Comparison:
    """All experiments in the configuration's order."""

    refs: list[RunRef]
    missing: dict[RunRef, str]
    """Runs without a result, and why."""
    statistics: Statistics
    baseline: str | None
    references: list[Reference] = field(default_factory=list)
    displayed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Data set -> class -> what to call it, where its name says nothing."""
    parts: Parts = field(default_factory=Parts)
    """Where what is made once lies."""

    def words(self, dataset: str) -> Mapping[str, str]:
        """Class -> what to call it."""
        return self.displayed.get(dataset, {})

    @property
    def metric(self) -> str:
        """top1 or top5."""
        return self.statistics.metric

    @property
    def columns(self) -> list[str]:
        """The data sets, and ALL where there are several."""
        names = self.statistics.measured
        return [*names, ALL] if len(names) > 1 else list(names)

    @cached_property
    def rows(self) -> list[Row]:
        """A row per experiment."""
        refs: dict[str, list[RunRef]] = {}
        for ref in self.refs:
            refs.setdefault(ref.experiment, []).append(ref)
        differences = self._differences(list(refs))
        return [self._row(name, mine, differences) for name, mine in refs.items()]

    @property
    def finished(self) -> list[Row]:
        """The rows with a result."""
        return [row for row in self.rows if row.runs]

    @cached_property
    def ranked(self) -> list[str]:
        """The finished experiments, the highest accuracy in the last column first; those without one last."""
        last = self.columns[-1] if self.columns else ""
        found = {row.experiment: row.means.get(last, Estimate()).value for row in self.finished}
        return sorted(found, key=lambda name: (np.isnan(found[name]), -found[name]))

    def top(self, most: int = MANY) -> list[Row]:
        """The finished experiments in their order; of more than `most`, the baseline and the most accurate."""
        kept = set(sorted(self.ranked, key=lambda name: name != self.baseline)[:most])
        return [row for row in self.finished if row.experiment in kept]

    def left_out(self, most: int = MANY) -> str:
        """What a caption says of those that `top` leaves out."""
        return f" The best {most} of {len(self.finished):,} experiments." if len(self.finished) > most else ""

    @cached_property
    def best(self) -> dict[str, set[str]]:
        """Column -> the best experiments, and those that are not significantly worse."""
        names = [row.experiment for row in self.finished]
        return {column: best(self.statistics, names, column) for column in self.columns}

    @cached_property
    def joint(self) -> list[JointAgainstSingle]:
        """Joint against single, where the configuration has such pairs."""
        return joint_against_single(self.statistics)

    @cached_property
    def chance(self) -> dict[str, float]:
        """Column -> the accuracy of guessing."""
        first = {name: self._any(name) for name in self.statistics.measured}
        tries = 5 if self.metric == "top5" else 1
        found = {name: tries / len(run.datasets[name].per_class) for name, run in first.items()
                 if run.datasets[name].per_class}  # fmt: skip
        return self._with_mean(found)

    @cached_property
    def majority(self) -> dict[str, float]:
        """Column -> the accuracy of always naming the most frequent classes of what is reported."""
        found, tries = {}, 5 if self.metric == "top5" else 1
        for name in self.statistics.measured:
            counts = np.sort(np.bincount(self._any(name).predictions[name].labels))[::-1]
            found[name] = float(counts[:tries].sum() / counts.sum())
        return self._with_mean(found)

    def _any(self, dataset: str) -> Run:
        return next(run for row in self.finished for run in row.runs if dataset in run.datasets)

    def _with_mean(self, found: dict[str, float]) -> dict[str, float]:
        complete = len(found) == len(self.statistics.measured) and ALL in self.columns
        return found | ({ALL: sum(found.values()) / len(found)} if complete else {})

    def _differences(self, names: Sequence[str]) -> dict[tuple[str, str], Difference]:
        if self.baseline is None or self.baseline not in self.statistics.runs:
            return {}
        asked = [(name, column) for name in names if name != self.baseline for column in self.columns]
        found = [self.statistics.difference(name, self.baseline, column) for name, column in asked]
        return dict(zip(asked, holm(found), strict=True))

    def _row(self, name: str, refs: list[RunRef], differences: dict[tuple[str, str], Difference]) -> Row:
        runs = self.statistics.runs.get(name, [])
        accepted = next((ref.accepted for ref in refs if ref.accepted), None)
        tuned = next((ref.tuned for ref in refs if ref.tuned), None)
        means = {column: self.statistics.mean(name, column) for column in self.columns}
        mine = {column: differences.get((name, column), Difference()) for column in self.columns}
        return Row(name, runs, len(refs), means, mine, cost(runs) if runs else None, tuned, accepted)


def compare(
    refs: list[RunRef],
    *,
    metric: str = "top1",
    baseline: str | None = None,
    references: Sequence[Reference] = (),
    folders: Mapping[str, Path] | None = None,
    parts: Parts | None = None,
) -> Comparison:
    """Read all runs that are there; damaged ones are left out by name.

    Args:
        refs: all runs that are wanted, finished or not.
        metric: top1 or top5.
        baseline: the experiment that the others are compared with.
        references: published rows.
        folders: data set -> its folder, in which words for its classes may lie.
        parts: where what is made once lies.

    Raises:
        UserError: the baseline is not among the experiments.
    """
    names = list(dict.fromkeys(ref.experiment for ref in refs))
    if baseline is not None and baseline not in names:
        raise UserError(f"results.baseline: {unknown('experiment', baseline, names)}")
    parts = parts or Parts()
    runs, missing = read_runs(refs, parts)
    statistics, displayed = Statistics(runs, metric), _displayed(runs, folders or {})
    return Comparison(refs, missing, statistics, baseline, list(references), displayed, parts)


def _displayed(runs: list[Run], folders: Mapping[str, Path]) -> dict[str, dict[str, str]]:
    classes = {name: result for run in reversed(runs) for name, result in run.datasets.items()}
    return {name: class_words(folders[name], [entry.name for entry in result.per_class])
            for name, result in classes.items() if name in folders}  # fmt: skip
