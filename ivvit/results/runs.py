"""Finished runs: where they are, and what their files say."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from ivvit.config import MODELS
from ivvit.config.datasets import dataset_order
from ivvit.ground.digest import digest
from ivvit.ground.errors import UserError
from ivvit.ground.seal import altered
from ivvit.results.parts import Parts
from ivvit.results.predictions import Predictions
from ivvit.results.summaries import Summaries


@dataclass(frozen=True)
class RunRef:
    """One run of an experiment and today's evaluation of it."""

    experiment: str
    seed: int
    folder: Path
    """The training's: model.safetensors, history.csv, experiment.yaml, provenance.json."""
    evaluation: Path | None
    """Holds metrics.json, written last, and predictions.parquet; None where today's is not known or not there."""
    accepted: str | None = None
    """Why a run of earlier code or data is taken for today's; None for a run that simply is today's."""
    tuned: str | None = None
    """The study whose best parameters it took."""
    missing: str = "not finished"
    """Why there is no result, where there is none."""

    @property
    def finished(self) -> bool:
        """Whether there is a result."""
        return self.evaluation is not None and self.evaluated("metrics.json").is_file()

    def evaluated(self, name: str) -> Path:
        """A file of the evaluation.

        Raises:
            ValueError: there is no evaluation.
        """
        if self.evaluation is None:
            raise ValueError(f"{self.experiment}, seed {self.seed} is not evaluated")
        return self.evaluation / name


@dataclass(frozen=True)
class DatasetResult:
    """One data set's part of metrics.json; accuracies are fractions."""

    split: str
    num_samples: int
    top1: float
    loss: float
    num_groups: int | None = None
    classes: list[str] = field(default_factory=list)
    top1_interval: tuple[float, float] | None = None
    top5: float | None = None
    """None where it means nothing: fewer than six classes."""
    top5_interval: tuple[float, float] | None = None
    mean_class_accuracy: float | None = None
    ece: float | None = None
    per_class: list[dict[str, Any]] = field(default_factory=list)
    """{"name", "num_samples", "top1"} of each class, in the classes' order."""
    unreadable: list[str] = field(default_factory=list)

    def value(self, metric: str) -> float | None:
        """top1 or top5."""
        return self.top1 if metric == "top1" else self.top5

    def interval(self, metric: str) -> tuple[float, float] | None:
        """The 95% interval of top1 or top5 over samples."""
        return self.top1_interval if metric == "top1" else self.top5_interval


@dataclass(frozen=True)
class Run:
    """What a finished run's files say."""

    ref: RunRef
    datasets: dict[str, DatasetResult]
    specification: dict[str, Any]
    """experiment.yaml."""
    provenance: dict[str, Any]
    """provenance.json."""
    evaluation: dict[str, Any]
    """The evaluation's settings: clips, crops, ..."""
    predictions: dict[str, Predictions] = field(default_factory=dict)
    """Data set -> what was predicted for each sample."""
    numbers: str = ""
    """A digest of metrics.json."""
    knn: dict[str, DatasetResult] = field(default_factory=dict)
    """The same by the vote of nearest neighbours, where the evaluation asks for it."""

    @property
    def model(self) -> str:
        """The model's name, with its options where they are not the default: `MSCA (shift=qk)`."""
        return model_label(self.specification.get("model") or {})


def read_run(ref: RunRef, summaries: Summaries) -> Run:
    """Read a finished run.

    Raises:
        UserError: a file of the run or of its evaluation is damaged.
    """
    folder = ref.evaluated("metrics.json").parent
    if damage := altered(folder, "metrics.json"):  # predictions are compared where they are read
        raise UserError(f"{folder}: {damage[0].text}; remove that folder and evaluate again")
    path = ref.evaluated("metrics.json")
    metrics = _read(path, json.loads)
    specification = _read(ref.folder / "experiment.yaml", partial(yaml.load, Loader=_YAML))
    provenance = _read(ref.folder / "provenance.json", json.loads)
    try:
        datasets, knn = (
            {name: _result(found) for name, found in part.items()}
            for part in (metrics["datasets"], metrics.get("knn", {}))
        )
        numbers = digest(metrics)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path} is damaged ({error!r}); remove its folder and evaluate again") from None
    file = ref.evaluated("predictions.parquet")
    # damaged ones are found here, where the run is still left out
    predictions = summaries.predictions(file, numbers, partial(_check, file, datasets))
    evaluation = metrics.get("evaluation") or {}
    return Run(ref, datasets, specification, provenance, evaluation, predictions, numbers, knn)


def _check(file: Path, datasets: dict[str, DatasetResult], found: dict[str, Predictions]) -> None:
    for name, result in datasets.items():
        mine = found.get(name)
        if mine is None or len(mine) != result.num_samples or abs(mine.top1.mean() - result.top1) > 1e-4:
            raise UserError(
                f"{file} says another top1 of {name} than metrics.json; remove their folder and evaluate again"
            )


def read_runs(refs: list[RunRef], parts: Parts) -> tuple[list[Run], dict[RunRef, str]]:
    """The finished runs in their order, and why each of the others has no result."""
    runs, missing, summaries = [], {}, Summaries(parts)
    for ref in refs:
        if not ref.finished:
            missing[ref] = ref.missing
            continue
        try:
            runs.append(read_run(ref, summaries))
        except UserError as error:
            missing[ref] = str(error)
    return runs, missing


def datasets_of(runs: list[Run]) -> list[str]:
    """All data sets of these runs, in their usual order."""
    return dataset_order(list({name for run in runs for name in run.datasets}))


def by_experiment(runs: list[Run]) -> dict[str, list[Run]]:
    """The runs of each experiment, in order of first appearance."""
    found: dict[str, list[Run]] = {}
    for run in runs:
        found.setdefault(run.ref.experiment, []).append(run)
    return found


def model_label(model: dict[str, Any]) -> str:
    """A model's name and those of its options that are not the default."""
    name = str(model.get("name", ""))
    defaults = MODELS[name]().model_dump() if name in MODELS else {}
    options = [f"{key}={value}" for key, value in model.items() if key != "name" and defaults.get(key) != value]
    return f"{name} ({', '.join(options)})" if options else name


def _result(found: dict[str, Any]) -> DatasetResult:
    for key in ("split", "num_samples", "top1", "loss"):
        if found[key] is None:
            raise KeyError(key)
    return DatasetResult(**{key: value for key, value in found.items() if key in DatasetResult.__dataclass_fields__})


def _read(path: Path, parse: Callable[..., Any]) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        found = parse(text)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; remove its folder, and it is made again") from None
    except (OSError, ValueError, yaml.YAMLError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path} is damaged ({reason}); remove its folder, and it is made again") from None
    if not isinstance(found, dict):
        raise UserError(f"{path} is damaged; remove its folder, and it is made again")
    return found


_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there
