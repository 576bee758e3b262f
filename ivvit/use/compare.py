"""Two trained models on the same samples: what each gets right, and which samples only one does."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ivvit.ground.errors import UserError
from ivvit.results.hits import DatasetHits
from ivvit.results.pairs import Pair
from ivvit.results.predictions import Predictions, read_predictions
from ivvit.runs.evaluation_job import EvaluationMetrics
from ivvit.use.results import PREDICTIONS, evaluations_of


@dataclass(frozen=True)
class Samples:
    """One data set."""

    dataset: str
    num_samples: int
    """That both saw."""
    top1: tuple[float, float]
    """On these, as fractions."""
    both: int
    """Samples that both get right."""
    only_first: list[str]
    """Files that only the first gets right."""
    only_second: list[str]
    neither: int
    p: float
    """Of as many or more samples that only one gets right, if both were equally good."""
    test: str


def compare_samples(first: Path, second: Path) -> tuple[dict[str, object], list[Samples]]:
    """(the protocol, a comparison for each data set that both were evaluated on in it), of two models' files.

    Raises:
        UserError: there are no evaluations of the same protocol beside the files.
    """
    one, other = _same_protocol(first, second)
    found, others = read_predictions(one[0] / PREDICTIONS), read_predictions(other[0] / PREDICTIONS)
    return one[1].evaluation, [_samples(name, found[name], others[name]) for name in found if name in others]


def _same_protocol(first: Path, second: Path) -> tuple[tuple[Path, EvaluationMetrics], tuple[Path, EvaluationMetrics]]:
    """The latest evaluations of the two that belong together; precision may differ."""
    mine, others = (list(reversed(evaluations_of(file).items())) for file in (first, second))
    for file, found in ((first, mine), (second, others)):
        if not found:
            raise UserError(
                f"{file} has no evaluation beside it; run `ivvit evaluate` on its experiment, or `snakemake`"
            )
    for one in mine:
        for other in others:
            if _protocol(one[1]) == _protocol(other[1]) and one[1].datasets.keys() & other[1].datasets.keys():
                return one, other
    raise UserError(f"{first} and {second} have no data set in common that both were evaluated on in one protocol")


def _protocol(metrics: EvaluationMetrics) -> dict[str, object]:
    """What decides on what is predicted: neither precision nor what else was asked for."""
    return {key: value for key, value in metrics.evaluation.items() if key not in ("precision", "knn")}


def _samples(name: str, first: Predictions, second: Predictions) -> Samples:
    hits = DatasetHits(name, [first, second], "top1")
    among = hits.common([0, 1])
    if not among.any():
        raise UserError(f"{name}: the two were evaluated on different files")
    mine, others = hits.hits[0, among], hits.hits[1, among]
    paths = np.array(_paths(first, second), dtype=object)[among]
    p, test = Pair(hits, [0], [1], among, common=True).exact()
    return Samples(
        name, int(among.sum()), (float(mine.mean()), float(others.mean())), int((mine & others).sum()),
        paths[mine & ~others].tolist(), paths[~mine & others].tolist(), int((~mine & ~others).sum()), p, test,
    )  # fmt: skip


def _paths(first: Predictions, second: Predictions) -> list[str]:
    """The samples of `DatasetHits`, in its order: the first's, then those that only the second has."""
    return list(dict.fromkeys([*first.paths.to_pylist(), *second.paths.to_pylist()]))
