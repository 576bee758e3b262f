"""One canonical form of a resolved experiment: what its identity is made from."""

from typing import Any

from pydantic import BaseModel

from ivvit.config.experiment import Experiment

# These say where data and weights lie and how they are checked; what is in them is in digests of their own.
_NOT_SPEC = {"path", "kind", "expect", "strict", "max_damaged", "split", "group", "allow_overlap"}
_CLIPS_ONLY = {"clip_seconds", "frames", "store"}
_IMAGES_ONLY = {"crop_scale"}


def canonical(experiment: Experiment) -> dict[str, Any]:
    """The settings that can change a number, as plain JSON values."""
    spec = experiment.model_dump(mode="json", exclude={"pretrain", "evaluation"})
    _leave_out(experiment, spec)
    spec["validation"].pop("batch_size")  # how many at a time is a matter of memory, and rounds the last bits at most
    spec["order"] = list(experiment.datasets)  # the order of turns, whatever decides it
    for name, data in experiment.data.items():
        unused = _NOT_SPEC | (_IMAGES_ONLY if data.is_video else _CLIPS_ONLY)
        if not data.uses_store:
            unused = unused | {"store"}
        spec["data"][name] = {key: value for key, value in spec["data"][name].items() if key not in unused}
    return spec


def _leave_out(section: Any, dumped: Any) -> None:
    """Remove what is off (see `ivvit.config.base.off`) from a section's dump, in place."""
    if isinstance(section, BaseModel):
        for name, field in type(section).model_fields.items():
            extra = field.json_schema_extra
            if name not in dumped:
                continue
            _leave_out(getattr(section, name), dumped[name])
            if isinstance(extra, dict) and "off" in extra and dumped[name] == extra["off"]:
                del dumped[name]
    elif isinstance(section, dict):
        for name, inner in section.items():
            _leave_out(inner, dumped[name])
            if isinstance(inner, BaseModel) and not dumped[name]:
                del dumped[name]


def flatten(value: Any, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as dotted keys, for comparing two specifications key by key."""
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for key, inner in value.items():
        flat.update(flatten(inner, f"{prefix}.{key}" if prefix else key))
    return flat
