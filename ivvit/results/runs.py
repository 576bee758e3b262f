"""Runs: where they are, and what is known of those that are finished."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivvit.config import MODELS
from ivvit.config.datasets import dataset_order
from ivvit.evaluation.metrics import ClassAccuracy
from ivvit.results.predictions import Predictions


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
    top1_interval: tuple[float, float] | None = None
    top5: float | None = None
    """None where it means nothing: fewer than six classes."""
    top5_interval: tuple[float, float] | None = None
    mean_class_accuracy: float | None = None
    ece: float | None = None
    per_class: list[ClassAccuracy] = field(default_factory=list)
    """In the classes' order."""
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

    @property
    def device(self) -> str | None:
        """What the last session ran on."""
        sessions = self.provenance.get("sessions") or [{}]
        return sessions[-1].get("device")


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
