"""What a finished run leaves in its folder; metrics.json comes last, so that its existence means finished."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from safetensors.torch import save
from torch import Tensor

from ivvit.config.experiment import Experiment
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_atomically, write_json, write_text


def finished_metrics(folder: Path) -> dict[str, Any] | None:
    """The metrics of a run that is finished; None if it is not.

    Raises:
        UserError: metrics.json is damaged.
    """
    path = folder / "metrics.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise UserError(f"{path} is not valid JSON ({error}); remove it to finish the run again") from None


def write_experiment(folder: Path, experiment: Experiment, seed: int) -> None:
    """experiment.yaml: the resolved experiment."""
    content = {"seed": seed, **experiment.model_dump(mode="json")}
    write_text(folder / "experiment.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def write_model(folder: Path, tensors: dict[str, Tensor]) -> None:
    """model.safetensors, parameters in timm's names under `backbone.` and heads under `heads.`."""
    content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
    write_atomically(folder / "model.safetensors", lambda file: file.write(content))


def write_metrics(folder: Path, metrics: dict[str, Any], confusion: dict[str, Tensor]) -> None:
    """confusion.npz (classes x classes counts per data set: true, predicted), then metrics.json."""
    matrices = {name: matrix.numpy() for name, matrix in confusion.items()}
    write_atomically(folder / "confusion.npz", lambda file: np.savez_compressed(file, **matrices))
    write_json(folder / "metrics.json", metrics)
