"""A grid's points: a name and the entry of each."""

from collections.abc import Iterator
from itertools import product
from math import prod
from typing import Any

from ivvit.config.merge import set_key

EACH = "each"
"""`over: {datasets: each}`: each data set of the base alone, for comparing joint training with single."""
PER_DATASET = ("optimizer", "lr_schedule")
MOST = 10_000
"""A grid with more points is a mistake."""


def size(over: dict[str, Any]) -> int:
    """How many points a grid has."""
    return prod(len(values) for values in over.values() if values != EACH)


def points(name: str, base: dict[str, Any], over: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(`<grid>-<label>-<label>`, the base entry with the keys of this point) for the product of all axes."""
    axes = {key: _each(base) if values == EACH else values for key, values in over.items()}
    for point in product(*(list(_labelled(values)) for values in axes.values())):
        entry = base
        for key, (_, value) in zip(axes, point, strict=True):
            entry = set_key(entry, key, value)
            entry = _without_others(entry) if over[key] == EACH else entry
        yield "-".join([name, *(label for label, _ in point)]), entry


def _each(base: dict[str, Any]) -> dict[str, Any]:
    """The data sets of the base, each alone."""
    return {name: {name: use} for name, use in (base.get("datasets") or {}).items()}


def _without_others(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry without settings of data sets that it does not train on."""
    kept = {"default", *entry["datasets"]}
    return {
        **entry,
        **{key: {n: v for n, v in entry[key].items() if n in kept} for key in PER_DATASET if entry.get(key)},
    }


def _labelled(values: list[Any] | dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if isinstance(values, dict):
        yield from values.items()
        return
    for value in values:
        label = (
            "+".join(_label(v) if k == "name" else f"{k}={_label(v)}" for k, v in value.items())
            if isinstance(value, dict)
            else _label(value)
        )
        yield label, value


def _label(value: Any) -> str:
    text = "-".join(map(str, value)) if isinstance(value, list | dict) else str(value)
    return "".join(c if c.isalnum() or c in "._=+-" else "-" for c in text)
