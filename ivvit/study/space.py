"""The search space: which keys are searched, in which order, under which conditions."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from ivvit.config.studies import Dimension
from ivvit.errors import UserError

if TYPE_CHECKING:
    from optuna import Trial

Space = dict[str, Dimension]


def ordered(space: Space) -> list[str]:
    """The keys by name, each after the keys that its `when` looks at: the order of a YAML file must not matter.

    Raises:
        UserError: conditions go in a circle.
    """
    done: list[str] = []
    while len(done) < len(space):
        ready = [key for key in sorted(space) if key not in done and all(other in done for other in space[key].when)]
        if not ready:
            waiting = ", ".join(sorted(set(space) - set(done)))
            raise UserError(f"space: the conditions (when) of {waiting} go in a circle; remove one of them")
        done.append(ready[0])
    return done


def suggest(trial: "Trial", space: Space) -> dict[str, Any]:
    """Let the trial's sampler choose a value for each key that is searched."""
    parameters: dict[str, Any] = {}
    for key in ordered(space):
        if _applies(space[key], parameters):
            parameters[key] = _value(trial, key, space[key])
    return parameters


def grid(space: Space, points: int, seed: int) -> list[dict[str, Any]]:
    """All combinations of values in an order that the seed decides; a continuous range has `points` values."""
    combinations = list(_combinations(space, ordered(space), points, {}))
    return [combinations[index] for index in np.random.default_rng(seed).permutation(len(combinations))]


def _applies(dimension: Dimension, parameters: dict[str, Any]) -> bool:
    return all(
        other in parameters and parameters[other] in (values if isinstance(values, tuple) else (values,))
        for other, values in dimension.when.items()
    )


def _value(trial: "Trial", key: str, dimension: Dimension) -> Any:
    if dimension.choices is not None:
        return trial.suggest_categorical(key, list(dimension.choices))
    if dimension.is_int:
        return trial.suggest_int(key, dimension.low, dimension.high, step=dimension.step or 1, log=dimension.log)
    return trial.suggest_float(key, dimension.low, dimension.high, step=dimension.step, log=dimension.log)


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
    if dimension.step is not None or (dimension.is_int and dimension.high - dimension.low < points):
        step = dimension.step or 1
        count = int((dimension.high - dimension.low) / step * (1 + 1e-12)) + 1
        return [dimension.low + index * step for index in range(count)]
    spaced = np.geomspace if dimension.log else np.linspace
    values = [float(value) for value in spaced(dimension.low, dimension.high, points)]
    return list(dict.fromkeys(round(value) for value in values)) if dimension.is_int else values
