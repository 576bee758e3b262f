"""Finished runs: where they are, and what their files say."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ivvit.config import MODELS
from ivvit.config.datasets import dataset_order
from ivvit.ground.errors import UserError

METRICS = ("top1", "top5", "loss")


@dataclass(frozen=True)
class RunRef:
    """One run of an experiment."""

    experiment: str
    seed: int
    folder: Path
    """The training's: model.safetensors, history.csv, experiment.yaml, provenance.json."""
    evaluation: Path
    """Holds metrics.json, written last, and predictions.parquet."""
    accepted: str | None = None
    """Why a run of earlier code or data is taken for today's; None for a run that simply is today's."""

    @property
    def finished(self) -> bool:
        """Whether there is a result (metrics.json is written last)."""
        return (self.evaluation / "metrics.json").is_file()


@dataclass(frozen=True)
class Run:
    """What a finished run's files say."""

    ref: RunRef
    datasets: dict[str, dict[str, Any]]
    """Data set -> {"top1", "top5", "loss", "num_samples", "per_class", ...}; accuracies are fractions."""
    specification: dict[str, Any]
    """experiment.yaml."""
    provenance: dict[str, Any]
    """provenance.json."""

    @property
    def model(self) -> str:
        """The model's name, with its options where they are not the default: `MSCA (shift=qk)`."""
        return model_label(self.specification.get("model") or {})


def read_run(ref: RunRef) -> Run:
    """Read a finished run.

    Raises:
        UserError: a file of the run is damaged.
    """
    metrics = _read(ref.evaluation / "metrics.json", json.loads)
    specification = _read(ref.folder / "experiment.yaml", yaml.safe_load)
    provenance = _read(ref.folder / "provenance.json", json.loads)
    datasets = metrics.get("datasets")
    if not isinstance(datasets, dict) or not all(key in found for found in datasets.values() for key in METRICS):
        raise UserError(f"{ref.evaluation / 'metrics.json'} lacks top1, top5 or loss; remove it to evaluate again")
    return Run(ref, datasets, specification, provenance)


def read_runs(refs: list[RunRef]) -> list[Run]:
    """The finished ones among the runs, in their order."""
    return [read_run(ref) for ref in refs if ref.finished]


def datasets_of(runs: list[Run]) -> list[str]:
    """All data sets of these runs, in their usual order."""
    return dataset_order(list({name for run in runs for name in run.datasets}))


def model_label(model: dict[str, Any]) -> str:
    """A model's name and those of its options that are not the default."""
    name = str(model.get("name", ""))
    defaults = MODELS[name]().model_dump() if name in MODELS else {}
    options = [f"{key}={value}" for key, value in model.items() if key != "name" and defaults.get(key) != value]
    return f"{name} ({', '.join(options)})" if options else name


def _read(path: Path, parse: Any) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        found = parse(path.read_text(encoding="utf-8"))
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path} is damaged ({error}); remove its folder, and the run is done again") from None
    return found if isinstance(found, dict) else {}
