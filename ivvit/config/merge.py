"""How settings override each other: defaults, `extends`, an experiment's own, a study's best."""

from copy import deepcopy
from typing import Any

from ivvit.config.base import named
from ivvit.config.models import backbone_parts
from ivvit.config.optimisation import per_dataset

# A short form is spelled out before merging, so that `model: MSCA` replaces {name: TokenShift, fold_div: 4}.
_SPELL_OUT = {
    "model": named,
    "loss_weighting": named,
    "backbone": backbone_parts,
    "optimizer": per_dataset,
    "lr_schedule": per_dataset,
    "recipe": per_dataset,
}
_REPLACED = (
    "datasets",
    "seeds",
    "extends",
)  # a list of data sets replaces the earlier one: what is not named is not trained


def spell_out(entry: dict[str, Any]) -> dict[str, Any]:
    """The entry with its short forms spelled out."""
    return {key: _SPELL_OUT.get(key, lambda v: v)(value) for key, value in entry.items()}


def merge(*layers: dict[str, Any]) -> dict[str, Any]:
    """Later layers win, key by key; another `name` replaces the whole section."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in spell_out(layer).items():
            result[key] = deepcopy(value) if key in _REPLACED else _merge(result.get(key), value, key)
    return result


def _merge(old: Any, new: Any, key: str) -> Any:
    if not isinstance(old, dict) or not isinstance(new, dict):
        return deepcopy(new)
    if key in ("model", "backbone") and "name" in new and old.get("name") != new["name"]:
        return deepcopy(new)
    result = deepcopy(old)
    for inner, value in new.items():
        result[inner] = _merge(result.get(inner), value, inner)
    return result


def set_key(entry: dict[str, Any], dotted: str, value: Any) -> dict[str, Any]:
    """The entry with one dotted key set: `optimizer.lr`, `model`, `datasets.UCF101.batch_size`."""
    parts = dotted.split(".")
    if parts[0] in ("optimizer", "lr_schedule", "recipe") and len(parts) == 2:
        parts.insert(1, "default")
    if parts[0] == "datasets" and len(parts) > 1:  # a data set's name may have dots, and its siblings stay
        name, _, field = dotted.removeprefix("datasets.").rpartition(".")
        uses = deepcopy(entry.get("datasets", {}))
        use = uses.get(name)
        uses[name] = {**(use if isinstance(use, dict) else {"batch_size": use}), field: value}
        return {**entry, "datasets": uses}
    layer: Any = value
    for part in reversed(parts[1:]):
        layer = {part: layer}
    return merge(entry, {parts[0]: layer})
