"""The search space: which keys are searched, in which order, under which conditions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ivvit.config.studies import Dimension, search_order

if TYPE_CHECKING:
    from optuna import Trial

Space = dict[str, Dimension]


def suggest(trial: "Trial", space: Space) -> dict[str, Any]:
    """Let the trial's sampler choose a value for each key that is searched."""
    parameters: dict[str, Any] = {}
    for key in search_order(space):
        if _applies(space[key], parameters):
            parameters[key] = _value(trial, key, space[key])
    return parameters


def grid(space: Space, points: int, seed: int) -> list[dict[str, Any]]:
    """All combinations of values in an order that the seed decides; a continuous range has `points` values."""
    combinations = list(_combinations(space, search_order(space), points, {}))
    return [combinations[index] for index in np.random.default_rng(seed).permutation(len(combinations))]


def _applies(dimension: Dimension, parameters: dict[str, Any]) -> bool:
    return all(
        other in parameters and parameters[other] in (values if isinstance(values, tuple) else (values,))
        for other, values in dimension.when.items()
    )


def _value(trial: "Trial", key: str, dimension: Dimension) -> Any:
    if dimension.choices is not None:
        return trial.suggest_categorical(key, list(dimension.choices))
    low, high = dimension.bounds
    if dimension.is_int:
        return trial.suggest_int(key, int(low), int(high), step=int(dimension.step or 1), log=dimension.log)
    return trial.suggest_float(key, low, high, step=dimension.step, log=dimension.log)


def _combinations(space: Space, keys: list[str], points: int, chosen: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if not keys:
        yield chosen
    elif not _applies(space[keys[0]], chosen):
        yield from _combinations(space, keys[1:], points, chosen)
    else:
        for value in _values(space[keys[0]], points):
            yield from _combinations(space, keys[1:], points, {**chosen, keys[0]: value})


def _values(dimension: Dimension, points: int) -> list[Any]:
    if dimension.choices is not None:
        return list(dict.fromkeys(dimension.choices))
    low, high = dimension.bounds
    if dimension.step is not None or (dimension.is_int and high - low < points):
        step = dimension.step or 1
        count = int((high - low) / step * (1 + 1e-12)) + 1
        return [low + index * step for index in range(count)]
    spaced = np.geomspace if dimension.log else np.linspace
    values = [float(value) for value in spaced(low, high, points)]
    return list(dict.fromkeys(round(value) for value in values)) if dimension.is_int else values
