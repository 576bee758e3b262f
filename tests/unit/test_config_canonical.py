"""What a new key of the configuration does to identities: nothing, where it is off."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from ivvit.config import Config, Experiment
from ivvit.config.canonical import canonical, flatten

# The keys that every specification has. A new key does not join them: it gets `json_schema_extra=off(...)`, or all
# results of all users become stale by an update that changes none of their numbers.
KNOWN = [
    "accumulate",
    "backbone.name",
    "datasets.CIFAR100.batch_size",
    "datasets.CIFAR100.loss_weight",
    "datasets.CIFAR100.task_weight",
    "datasets.UCF101.batch_size",
    "datasets.UCF101.loss_weight",
    "datasets.UCF101.task_weight",
    "data.CIFAR100.crop_scale",
    "data.CIFAR100.flip",
    "data.CIFAR100.media",
    "data.CIFAR100.short_side",
    "data.UCF101.clip_seconds",
    "data.UCF101.flip",
    "data.UCF101.frames",
    "data.UCF101.media",
    "data.UCF101.short_side",
    "data.UCF101.store.codec",
    "data.UCF101.store.quality",
    "data.UCF101.store.short_side",
    "ema",
    "freeze",
    "grad_clip",
    "iterations",
    "layer_decay",
    "loss_weighting.lr",
    "loss_weighting.name",
    "loss_weighting.temperature",
    "loss_weighting.window",
    "lr_schedule.CIFAR100.gamma",
    "lr_schedule.CIFAR100.milestones",
    "lr_schedule.CIFAR100.name",
    "lr_schedule.CIFAR100.period",
    "lr_schedule.CIFAR100.warmup",
    "lr_schedule.UCF101.gamma",
    "lr_schedule.UCF101.milestones",
    "lr_schedule.UCF101.name",
    "lr_schedule.UCF101.period",
    "lr_schedule.UCF101.warmup",
    "max_skipped",
    "model.name",
    "num_frames",
    "optimizer.CIFAR100.betas",
    "optimizer.CIFAR100.lr",
    "optimizer.CIFAR100.momentum",
    "optimizer.CIFAR100.name",
    "optimizer.CIFAR100.weight_decay",
    "optimizer.UCF101.betas",
    "optimizer.UCF101.lr",
    "optimizer.UCF101.momentum",
    "optimizer.UCF101.name",
    "optimizer.UCF101.weight_decay",
    "order",
    "precision",
    "task_schedule",
    "update_rule",
]
SELECTION = ("evaluation", "validation", "data.CIFAR100.holdout", "data.UCF101.holdout")


def resolve(**settings: Any) -> Experiment:
    fields = {"datasets": {"UCF101": 4, "CIFAR100": 8}, **settings}
    return Config({"experiments": {"e": fields}}, "test").experiment("e")


def keys(experiment: Experiment) -> set[str]:
    return {key for key in flatten(canonical(experiment)) if not key.startswith(SELECTION)}


def optional(section: Any) -> Iterator[tuple[BaseModel, str, Any]]:
    """(section, key, the value that means off) for all keys of a resolved experiment that can be off."""
    for inner in section.values() if isinstance(section, dict) else ():
        yield from optional(inner)
    if isinstance(section, BaseModel):
        for name, field in type(section).model_fields.items():
            if isinstance(field.json_schema_extra, dict) and "off" in field.json_schema_extra:
                yield section, name, field.json_schema_extra["off"]
            yield from optional(getattr(section, name))


def test_an_experiment_without_new_keys_has_the_specification_that_it_always_had() -> None:
    assert keys(resolve()) == set(KNOWN)


def test_what_is_off_can_be_written() -> None:
    found = [(section, key, value) for section, key, value in optional(resolve()) if value != {}]
    assert len(found) > 20
    for section, key, value in found:
        spelled = type(section).model_validate({**section.model_dump(mode="json"), key: value})
        assert spelled.model_dump(mode="json")[key] == value, f"{type(section).__name__}.{key}"


@pytest.mark.parametrize(
    "settings",
    [
        {"recipe": {"mixup": 0.2}},
        {"recipe": {"UCF101": {"label_smoothing": 0.1}}},
        {"optimizer": {"no_decay": True}},
        {"normalize": "imagenet"},
        {"interpolation": "bicubic"},
        {"model": {"name": "IV-ViT", "head": "attentive"}},
    ],
)
def test_what_is_on_is_in_the_specification(settings: dict[str, Any]) -> None:
    assert canonical(resolve(**settings)) != canonical(resolve())


@pytest.mark.parametrize(
    "settings",
    [
        {"recipe": {"mixup": 0}},
        {"recipe": {"UCF101": {}}},
        {"normalize": "paper", "interpolation": "bilinear"},
        {"normalize": {"mean": [0.45, 0.45, 0.45], "std": [0.225, 0.225, 0.225]}},
        {"pretrain": "Kinetics400"},
    ],
)
def test_spelling_out_what_is_off_changes_nothing(settings: dict[str, Any]) -> None:
    assert canonical(resolve(**settings)) == canonical(resolve())
