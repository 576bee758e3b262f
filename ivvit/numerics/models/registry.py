"""Models by name: a model's module is imported when that model is asked for, and no other."""

import importlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ivvit.config import MODELS
from ivvit.ground.errors import UserError
from ivvit.ground.names import did_you_mean, unknown

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel

# A plain literal: ivvit.identity reads it from the syntax tree to find the one file a run's model depends on.
MODEL_MODULES = {
    "IV-ViT": "ivvit.numerics.models.iv_vit",
    "TokenShift": "ivvit.numerics.models.tokenshift",
    "MSCA": "ivvit.numerics.models.msca",
    "polyvit": "ivvit.numerics.models.polyvit",
    "AIM": "ivvit.numerics.models.aim",
    "ST-Adapter": "ivvit.numerics.models.st_adapter",
}

_classes: dict[str, "type[JointModel]"] = {}


def register(name: str) -> "Callable[[type[JointModel]], type[JointModel]]":
    """Class decorator that gives a model its name; a name is given once.

    Raises:
        ValueError: the name already belongs to another class.
    """

    def enter(cls: "type[JointModel]") -> "type[JointModel]":
        if name in _classes:
            raise ValueError(f"model {name!r} is already registered, as {_classes[name].__qualname__}")
        _classes[name] = cls
        return cls

    return enter


def create_model(
    name: str,
    num_classes: Mapping[str, int],
    backbone: str = "vit_base_patch16_224",
    num_frames: int = 16,
    backbone_args: Mapping[str, Any] | None = None,
    **options: Any,
) -> "JointModel":
    """A model that takes images and clips of several data sets through one shared ViT.

    Args:
        name: IV-ViT, TokenShift, MSCA, polyvit, AIM or ST-Adapter.
        num_classes: classes of each data set; one linear head for each.
        backbone: name of a VisionTransformer or Eva of timm; its weights are random (see `ivvit.weights`).
        num_frames: frames of a clip. Only polyvit is bound to it; the others take clips of any length.
        backbone_args: passed on to `timm.create_model` (img_size, embed_dim, depth, num_heads, drop_path_rate, ...).
        options: the model's own options, as in the configuration (head, fold_div, shift, tubelet_frames, ...).

    Returns:
        A module `model(x, dataset)`: x (B, C, H, W) or (B, T, C, H, W), floating point -> logits (B, classes).
        `model.backbone` is timm's model, `model.heads` the heads by data set.

    Raises:
        UserError: an unknown model, option, backbone or backbone argument.
    """
    if name not in MODEL_MODULES:
        raise UserError(unknown("model", name, MODEL_MODULES))
    checked = _check_options(name, options)
    importlib.import_module(MODEL_MODULES[name])
    return _classes[name](backbone, dict(backbone_args or {}), dict(num_classes), num_frames, **checked)


def _check_options(name: str, options: dict[str, Any]) -> dict[str, Any]:
    schema = MODELS[name]
    allowed = [key for key in schema.model_fields if key != "name"]
    for key in options:
        if key not in allowed:
            known = f"its options are {', '.join(allowed)}" if allowed else "it has no options of its own"
            raise UserError(f"unknown option {key!r} of model {name}; {did_you_mean(key, allowed)}{known}")
    try:
        return schema(**options).model_dump(exclude={"name"})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise UserError(f"option {where!r} of model {name}: {first['msg']}, not {first['input']!r}") from None
