"""Which layer a parameter belongs to: timm's own grouping, and what the models add to it."""

import re
from typing import TYPE_CHECKING, Literal

import ivvit.numerics.compat  # noqa: F401  (before timm)

# isort: split
from timm.models import group_parameters

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel

# Tokens, positions and rotary frequencies that timm's expressions for the stem leave out of some classes.
_EMBEDDING = r"cls_token|dist_token|reg_token|norm_pre|rope"
_OURS = re.compile(r"tubelet\.|(?:pos_embed|cls_token)_video$|adapters\.time_embed$")
_ADAPTER = re.compile(r"adapters\.(\d+)\.")


def layers_of(model: "JointModel") -> dict[str, int]:
    """Parameter -> layer: 0 the embedding, 1 ... depth the blocks (the last with the final norm), depth + 1 the heads.

    By timm's `group_matcher`, so that a hybrid's convolutions and DeiT's distillation token belong to the embedding.
    """
    matcher = dict(model.backbone.group_matcher())
    matcher["stem"] = f"{matcher['stem']}|{_EMBEDDING}"
    known = group_parameters(model.backbone, matcher, reverse=True)
    last = len(model.backbone.blocks) + 1
    return {name: _layer(name, known, last) for name, _ in model.named_parameters()}


def _layer(name: str, known: dict[str, int], last: int) -> int:
    if _OURS.match(name):
        return 0
    if adapter := _ADAPTER.match(name):
        return int(adapter[1]) + 1
    return known.get(name.removeprefix("backbone."), last)


def freeze(model: "JointModel", blocks: int | Literal["all"]) -> None:
    """Stop training the embedding and the first `blocks` blocks (0: nothing is frozen); adapters go on.

    Raises:
        UserError: the backbone has fewer blocks.
    """
    depth = len(model.backbone.blocks)
    count = depth if blocks == "all" else blocks
    if count > depth:
        raise UserError(f"freeze is {count}, but the backbone has {depth} blocks")
    layers = layers_of(model)
    for name, parameter in model.named_parameters():
        if count and layers[name] <= count and not name.startswith("adapters."):
            parameter.requires_grad_(False)


def without_decay(model: "JointModel") -> set[str]:
    """Parameters that timm leaves out of weight decay: biases, norms and other vectors, positions and tokens."""
    named = {f"backbone.{name}" for name in model.backbone.no_weight_decay()} | {"pos_embed_video", "cls_token_video"}
    return {
        name
        for name, parameter in model.named_parameters()
        if parameter.ndim <= 1 or name.endswith(".bias") or name in named
    }
