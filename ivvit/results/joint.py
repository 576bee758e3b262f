"""Joint against single: experiments that differ in nothing but their data sets, and in what follows from them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ivvit.results.estimates import Difference, Estimate, holm
from ivvit.results.runs import Run
from ivvit.results.statistics import Statistics

_BY_DATASET = ("datasets", "data", "optimizer", "lr_schedule")
_NOT_TRAINING = ("seed", "evaluation")


@dataclass(frozen=True)
class JointAgainstSingle:
    """One data set, learnt jointly with others and alone."""

    joint: str
    single: str
    dataset: str
    joint_value: Estimate
    single_value: Estimate
    difference: Difference
    """Joint minus single."""


def joint_against_single(statistics: Statistics) -> list[JointAgainstSingle]:
    """All such pairs, with p corrected over all of them."""
    found = _pairs({name: runs[0] for name, runs in statistics.runs.items()}, statistics.measured)
    differences = holm([statistics.difference(*pair) for pair in found])
    return [
        JointAgainstSingle(joint, single, name, statistics.mean(joint, name), statistics.mean(single, name), difference)
        for (joint, single, name), difference in zip(found, differences, strict=True)
    ]


def _pairs(experiments: dict[str, Run], measured: Sequence[str]) -> list[tuple[str, str, str]]:
    """(joint, single, data set)."""
    alone: dict[tuple[str, str], list[str]] = {}
    for name, run in experiments.items():
        if len(trained := list(run.specification.get("datasets") or {})) == 1 and trained[0] in measured:
            alone.setdefault((trained[0], _but_for(run, trained[0])), []).append(name)
    return [
        (joint, single, dataset)
        for joint, run in experiments.items()
        for dataset in run.specification.get("datasets") or {}
        if len(run.specification["datasets"]) > 1 and dataset in run.datasets
        for single in alone.get((dataset, _but_for(run, dataset)), [])
    ]


def _but_for(run: Run, dataset: str) -> str:
    """A run's specification as far as it concerns one data set."""
    found: dict[str, Any] = {key: value for key, value in run.specification.items() if key not in _NOT_TRAINING}
    for key in _BY_DATASET:
        part = found.get(key) or {}
        found[key] = part.get(dataset, part.get("default"))
    return repr(sorted(found.items()))
