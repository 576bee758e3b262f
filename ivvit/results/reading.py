"""Finished runs from their files; a damaged one is named, and costs nothing but itself."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ivvit.ground.digest import digest
from ivvit.ground.errors import UserError
from ivvit.ground.seal import altered
from ivvit.results.parts import Parts
from ivvit.results.predictions import Predictions
from ivvit.results.runs import DatasetResult, Run, RunRef
from ivvit.results.summaries import Summaries


class _Metrics(BaseModel):
    """metrics.json, as far as tables need it."""

    model_config = ConfigDict(allow_inf_nan=False)
    datasets: dict[str, DatasetResult]
    knn: dict[str, DatasetResult] = {}
    evaluation: dict[str, Any] | None = None


class _Specification(BaseModel):
    """experiment.yaml, likewise."""

    model: dict[str, Any] = {}
    datasets: dict[str, Any] = {}
    data: dict[str, dict[str, Any]] = {}
    iterations: int | None = None
    num_frames: int | None = None


class _Provenance(BaseModel):
    """provenance.json, likewise."""

    git: dict[str, Any] | None = None
    sessions: list[dict[str, Any]] = []
    versions: dict[str, str | None] = {}
    speed: dict[str, float | None] = {}


_Model = TypeVar("_Model", bound=BaseModel)
_EVALUATE, _TRAIN = "remove its folder and evaluate again", "put it back, or remove its folder and train again"


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


def read_run(ref: RunRef, summaries: Summaries) -> Run:
    """Read a finished run.

    Raises:
        UserError: a file of the run or of its evaluation is damaged.
    """
    path, file = ref.evaluated("metrics.json"), ref.evaluated("predictions.parquet")
    _compare(path.parent, _EVALUATE, path.name)  # predictions are compared where they are read
    _compare(ref.folder, _TRAIN, "experiment.yaml", "history.csv")
    content, metrics = _read(path, _json, _Metrics, _EVALUATE)
    specification, _ = _read(ref.folder / "experiment.yaml", partial(yaml.load, Loader=_YAML), _Specification, _TRAIN)
    provenance, _ = _read(ref.folder / "provenance.json", _json, _Provenance, _TRAIN)
    numbers, check = digest(content), partial(_check, file, metrics.datasets)
    # damaged ones are found here, where the run is still left out
    predictions = summaries.predictions(file, [numbers, _state(file)], check)
    evaluation = metrics.evaluation or {}
    return Run(ref, metrics.datasets, specification, provenance, evaluation, predictions, numbers, metrics.knn)


def _compare(folder: Path, remedy: str, *names: str) -> None:
    """Raises a UserError where one of these files is not what was written; where nothing was written down, none is."""
    if damage := [found for found in altered(folder, *names) if found.file in names]:
        raise UserError(f"{folder / damage[0].file} is damaged: {damage[0].text}; {remedy}")


def _state(file: Path) -> list[int]:
    """Another one where a file may have another content: to read hundreds of them again at every look is too much."""
    try:
        found = file.stat()
    except FileNotFoundError:
        raise UserError(f"{file} is missing; {_EVALUATE}") from None
    return [found.st_size, found.st_mtime_ns]


def _check(file: Path, datasets: dict[str, DatasetResult], found: dict[str, Predictions]) -> None:
    """Raises a UserError where predictions are not those of these numbers."""
    _compare(file.parent, _EVALUATE, file.name)
    for name, result in datasets.items():
        mine = found.get(name)
        if mine is None or len(mine) != result.num_samples or abs(mine.top1.mean() - result.top1) > 1e-4:
            raise UserError(f"{file} says another top1 of {name} than metrics.json; {_EVALUATE}")


def _read(path: Path, parse: Callable[[str], Any], model: type[_Model], remedy: str) -> tuple[dict[str, Any], _Model]:
    """(the file's content, the same as far as it is known)."""
    try:
        content = parse(path.read_text(encoding="utf-8"))
        return content, model.model_validate(content)
    except FileNotFoundError:
        raise UserError(f"{path} is missing; {remedy}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is damaged ({f'{place}: ' * bool(place)}{first['msg']}); {remedy}") from None
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path} is damaged ({' '.join(str(error).split())}); {remedy}") from None


def _json(text: str) -> Any:
    return json.loads(text, parse_constant=_refused)


def _refused(constant: str) -> None:
    raise ValueError(f"{constant} is no number")


_YAML = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where libyaml is there
