"""What a configuration may ask of timm and of an experiment's keys together: refused while planning, by name."""

import inspect
from typing import Any

import pytest

from ivvit.config import Config, Experiment
from ivvit.config.backbone import _ELSEWHERE, KNOWN_ARGS
from ivvit.ground.errors import UserError


def resolve(**settings: Any) -> Experiment:
    fields = {"datasets": {"UCF101": 4, "CIFAR100": 8}, **settings}
    return Config({"experiments": {"e": fields}}, "test").experiment("e")


@pytest.mark.parametrize(
    ("backbone", "message"),
    [
        ({"name": "v", "depth": -1}, "depth: must be a whole number of at least 1, found -1"),
        ({"name": "v", "num_heads": 2.5}, "num_heads: must be a whole number of at least 1"),
        ({"name": "v", "embed_dim": 30, "num_heads": 4}, "embed_dim: 30 is not a multiple of num_heads: 4"),
        ({"name": "v", "img_size": 0}, "img_size: must be a whole number of pixels"),
        ({"name": "v", "img_size": [224]}, "img_size: must be a whole number of pixels"),
        ({"name": "v", "drop_path_rate": 1.0}, "drop_path_rate: must be a rate"),
        ({"name": "v", "mlp_ratio": -4}, "mlp_ratio: must be a number above 0"),
        ({"name": "v", "global_pool": ""}, "global_pool: found ''; allowed: token"),
        (
            {"name": "v", "checkpoint_path": "/w.pth"},
            "checkpoint_path: cannot be given; weights are named by `pretrain:`",
        ),
        ({"name": "v", "pretrained": True}, "pretrained: cannot be given; weights are named by `pretrain:`"),
        ({"name": "v", "pretrained_cfg_overlay": {"file": "w"}}, "pretrained_cfg_overlay: cannot be given"),
        ({"name": "v", "num_classes": 10}, "num_classes: cannot be given; the heads follow from the data sets"),
        ({"name": "v", "features_only": True}, "features_only: cannot be given"),
        ({"name": "v", "dept": 4}, "dept: is not an argument of timm's vision transformers; did you mean depth?"),
        ("hf-hub:timm/vit_base_patch16_224.augreg_in21k", "is not a timm model; give a plain name"),
        ("local-dir:/models/vit", "is not a timm model; give a plain name"),
        ("hf_hub:x/y", "is not a timm model; give a plain name"),
    ],
)
def test_what_timm_would_refuse_or_take_from_elsewhere(backbone: Any, message: str) -> None:
    with pytest.raises(UserError, match=r"test: experiments\.e\.backbone") as error:
        resolve(backbone=backbone)
    assert message in str(error.value)


def test_sensible_arguments_pass() -> None:
    args = {"img_size": [64, 64], "depth": 2, "init_values": None, "drop_path_rate": 0.1, "global_pool": "avg"}
    assert resolve(backbone={"name": "vit_base_patch16_224.augreg_in21k", **args}).backbone.args == args


def test_known_arguments_are_those_of_timm() -> None:
    import ivvit.numerics.compat  # noqa: F401  (before timm)

    # isort: split
    from timm.models.eva import Eva
    from timm.models.vision_transformer import VisionTransformer

    takes = {name for cls in (VisionTransformer, Eva) for name in inspect.signature(cls.__init__).parameters}
    classes = {"self", "block_fn", "mlp_layer", "embed_layer"}  # no YAML can hold a class
    assert takes - classes - set(_ELSEWHERE) == KNOWN_ARGS


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ema_warmup": True}, "ema_warmup: does nothing without ema"),
        ({"task_weights": "samples"}, "task_weights: does nothing with task_schedule: all"),
        ({"task_temperature": 2}, "task_temperature: does nothing with task_schedule: all"),
        ({"gradient_surgery": "pcgrad"}, "gradient_surgery: needs update_rule: joint, found cumulative"),
        ({"datasets": {"UCF101": {"batch_size": 4, "lr_factor": 2}}}, "datasets.UCF101.lr_factor: needs update_rule"),
        ({"datasets": {"UCF101": 5}, "recipe": {"mixup": 0.2}}, "recipe.UCF101: mixes pairs, so batch_size"),
        ({"recipe": {"UCF101": {"repeats": 3}}}, "recipe.UCF101.repeats: 3 does not divide the batch size 4"),
        ({"recipe": {"Kinetics200": {"mixup": 1}}}, "recipe.Kinetics200: unknown data set"),
        ({"optimizer": {"name": "adan", "betas": [0.9, 0.99]}}, "betas: adan has three of its own"),
        ({"normalize": "imagnet"}, "normalize"),
        ({"normalize": {"mean": [0.5, 0.5, 0.5], "std": [0, 1, 1]}}, "normalize"),
        ({"optimizer": {"name": "lam"}}, "did you mean lamb"),
    ],
)
def test_keys_that_do_not_fit_each_other(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as error:
        resolve(**settings)
    assert message in str(error.value)


def test_a_recipe_is_one_for_all_or_one_for_each() -> None:
    recipe = resolve(recipe={"default": {"mixup": 0.2}, "UCF101": {"cutmix": 1.0}}).recipe
    assert (recipe["CIFAR100"].mixup, recipe["CIFAR100"].cutmix) == (0.2, 0)
    assert (recipe["UCF101"].mixup, recipe["UCF101"].cutmix) == (0.2, 1.0)
