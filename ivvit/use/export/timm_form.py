"""The backbone in timm's form: model.safetensors under timm's names, and the config.json of its hub models.

`timm.create_model("<backbone>", num_classes=0, checkpoint_path="model.safetensors", **backbone_args)` loads it, and so
does `timm.create_model("local-dir:<folder>", pretrained=True)`. It sees single frames: what a model does across frames
is not in it.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.common import JointModel
from ivvit.runs.model_file import ModelCard
from ivvit.use.export.graph import check_agreement

_PREFIX = "backbone."


def write_timm(model: JointModel, card: ModelCard, head: str | None, folder: Path) -> tuple[Path, float]:
    """The files, loaded by timm and tried: (the weights, the largest difference).

    Args:
        model: the model.
        card: what its file says.
        head: whose classifier is to come along; None for features only.
        folder: where the files go.

    Raises:
        UserError: blocks or head are not as timm has them, or the outputs differ.
    """
    if head is not None and model.heads.attentive:
        raise UserError(f"the head {head} is attentive, which timm has not; leave --dataset out, or export it as onnx")
    if any(name.startswith("adapters.") for name in model.state_dict()):
        raise UserError(f"{card.model} has adapters beside its backbone, which timm does not know; export it as onnx")
    tensors = {
        name.removeprefix(_PREFIX): tensor.contiguous()
        for name, tensor in model.state_dict().items()
        if name.startswith(_PREFIX)
    }
    if head is not None:
        tensors |= {f"head.{name}": tensor.contiguous() for name, tensor in model.heads[head].state_dict().items()}
    file = folder / "model.safetensors"
    save_file(tensors, file, {"format": "pt"})
    config = json.dumps(_config(model, card, head), indent=2, ensure_ascii=False)
    (folder / "config.json").write_text(config + "\n", encoding="utf-8")
    return file, _difference(model, card, head, file)


@torch.no_grad()
def _difference(model: JointModel, card: ModelCard, head: str | None, file: Path) -> float:
    pixels = torch.randn(3, 3, card.img_size, card.img_size, generator=torch.Generator().manual_seed(0))
    right = model.pool(model.features(pixels)) if head is None else model(pixels, head)
    return check_agreement([(right, _loaded(card, head, file)(pixels))], f"{file.name} in timm")


def _loaded(card: ModelCard, head: str | None, file: Path) -> nn.Module:
    import timm

    classes = 0 if head is None else len(card.heads[head].classes)
    try:
        return timm.create_model(
            card.backbone, num_classes=classes, checkpoint_path=str(file), **card.backbone_args
        ).eval()
    except RuntimeError as error:
        raise UserError(
            f"{card.model} changes its backbone beyond what timm has ({str(error).splitlines()[-1].strip()[:200]}); "
            "export it as onnx"
        ) from None


def _config(model: JointModel, card: ModelCard, head: str | None) -> dict[str, Any]:
    classes: list[str] = [] if head is None else card.heads[head].classes
    side = card.heads[head].short_side if head else next(iter(card.heads.values())).short_side
    pretrained: dict[str, Any] = {
        "input_size": [3, card.img_size, card.img_size], "fixed_input_size": True, "crop_pct": card.img_size / side,
        "crop_mode": "center", **asdict(card.pixels), "num_classes": len(classes), "pool_size": None,
        "first_conv": "patch_embed.proj", "classifier": "head",
    }  # fmt: skip
    names: dict[str, Any] = {"label_names": classes} if classes else {}
    return {
        "architecture": card.backbone, "num_classes": len(classes), "num_features": model.backbone.num_features,
        "pretrained_cfg": pretrained, "model_args": card.backbone_args, **names,
    }  # fmt: skip
