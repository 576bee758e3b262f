"""What an evaluation is to do, and its result."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ivvit.config.datasets import DatasetOptions, HoldoutOptions
from ivvit.config.optimisation import EvaluationOptions
from ivvit.config.runtime import RuntimeOptions
from ivvit.evaluation.metrics import DatasetMetrics
from ivvit.evaluation.summary import MeanMetrics
from ivvit.ground.errors import UserError


@dataclass(frozen=True)
class EvaluatedDataset:
    """A data set to evaluate on, and the head to evaluate it with."""

    name: str
    options: DatasetOptions
    manifest: Path
    """The manifest's lock."""
    head: str
    classes: dict[str, str] = field(default_factory=dict)
    """What the head calls the data set's classes, where names differ."""
    holdout: HoldoutOptions | None = None
    """What is held out of train as val, for a data set that has none."""


@dataclass(frozen=True)
class EvaluationJob:
    """An evaluation of a model's file, in one folder."""

    model: Path
    folder: Path
    """Where predictions.parquet and metrics.json go; an evaluation that was killed there is continued."""
    root: Path
    """The configuration's root_path."""
    datasets: tuple[EvaluatedDataset, ...]
    options: EvaluationOptions = field(default_factory=EvaluationOptions)
    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    name: str = "evaluation"
    """For messages."""


@dataclass(frozen=True)
class EvaluationMetrics:
    """metrics.json."""

    datasets: dict[str, DatasetMetrics]
    mean: MeanMetrics
    """Over the data sets."""
    evaluation: dict[str, Any]
    """split, clips, crops, precision, and knn where it is asked for."""
    heads: dict[str, str]
    """The head that each data set was evaluated by."""
    data: dict[str, str]
    """The digest of each data set's split."""
    identity: str | None
    """The run's."""
    seed: int
    iterations: int
    kept_iteration: int
    """The iteration whose weights were kept."""
    skipped_steps: int
    substitutes: dict[str, int]
    model_sha256: str
    """Of the model's file."""
    renamed: dict[str, dict[str, str]] = field(default_factory=dict)
    """What the head calls classes of a data set whose names differ."""
    knn: dict[str, DatasetMetrics] = field(default_factory=dict)
    """By the vote of each data set's nearest training samples, where `evaluation.knn` says how many."""
    bank: dict[str, str] = field(default_factory=dict)
    """The digest of the training samples that voted."""


def read_metrics(folder: Path) -> EvaluationMetrics:
    """The metrics.json of a finished evaluation.

    Raises:
        UserError: it is missing or damaged.
    """
    file = folder / "metrics.json"
    try:
        return TypeAdapter(EvaluationMetrics).validate_json(file.read_bytes())
    except (OSError, ValidationError) as error:
        raise UserError(f"{file} cannot be read ({str(error).splitlines()[0]}); evaluate again") from None
