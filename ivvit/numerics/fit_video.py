"""Weights of video models (VideoMAE, OmniMAE, V-JEPA) for polyvit, and for models that see frames as images."""

import re
from math import isqrt
from typing import TYPE_CHECKING

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

    from ivvit.numerics.models.common import JointModel

TIMES = 8
"""Time steps of the published video models, 16 frames by tubelets of 2; an image has the middle one's positions."""

JEPA2_COUNTS, JEPA2_GIANT = frozenset({8 * 256, 16 * 256, 32 * 256}), 1408
"""Places of V-JEPA 2's 16, 32 or 64 frames of 256 pixels, and the width of its giant, which V-JEPA has not."""


def fit_video(tensors: "dict[str, Tensor]", model: "JointModel", notes: list[str]) -> None:
    """Give a video model's tensors the places that the model has for them, in place.

    Raises:
        UserError: the weights tell places apart in a way that the model cannot.
    """
    join_biases(tensors, model, notes)
    _fit_norm(tensors, model, notes)
    patch = tensors.get("patch_embed.proj.weight")
    if _is_rotary(model):
        _leave_positions(tensors, patch, notes)
    if patch is None or patch.dim() != 5:
        return
    if not _is_rotary(model):
        _give_positions(tensors, patch, model, notes)
    tensors["tubelet.weight"] = patch
    if "patch_embed.proj.bias" in tensors:
        tensors["tubelet.bias"] = tensors["patch_embed.proj.bias"].clone()
    tensors["patch_embed.proj.weight"] = patch.sum(2)
    if not hasattr(model, "tubelet"):
        for name in ("tubelet.weight", "tubelet.bias", "pos_embed_video"):
            tensors.pop(name, None)
    notes.append("patch_embed: the sum of the tubelets' kernels over time, as of a clip that stands still")


def join_biases(tensors: "dict[str, Tensor]", model: "JointModel", notes: list[str]) -> None:
    """`q_bias` and `v_bias` (keys have none) -> `qkv.bias`, where the model is not timm's Eva, which has them too."""
    import torch

    targets, joined = dict(model.backbone.named_parameters()), 0
    for name in [name for name in tensors if re.fullmatch(r"blocks\.\d+\.attn\.q_bias", name)]:
        block = name.removesuffix("q_bias")
        if name not in targets and f"{block}v_bias" in tensors:
            query, value = tensors.pop(name), tensors.pop(f"{block}v_bias")
            tensors[f"{block}qkv.bias"] = torch.cat([query, torch.zeros_like(query), value])
            joined += 1
    if joined:
        notes.append("attn.qkv.bias: joined from the queries' and values', zero for keys")


def _fit_norm(tensors: "dict[str, Tensor]", model: "JointModel", notes: list[str]) -> None:
    """A backbone that pools the mean has its last norm after pooling, one that takes a token before."""
    targets = dict(model.backbone.named_parameters())
    for have, want in (("norm", "fc_norm"), ("fc_norm", "norm")):
        lacks = f"{want}.weight" in targets and f"{want}.weight" not in tensors
        if lacks and f"{have}.weight" in tensors and f"{have}.weight" not in targets:
            for part in ("weight", "bias"):
                tensors[f"{want}.{part}"] = tensors.pop(f"{have}.{part}")
            notes.append(f"{want}: the weights' {have}")


def _is_rotary(model: "JointModel") -> bool:
    """Whether a model tells places apart as V-JEPA 2 does, without learnt positions."""
    return getattr(model, "pos_embed_video", True) is None


def _leave_positions(tensors: "dict[str, Tensor]", patch: "Tensor | None", notes: list[str]) -> None:
    """V-JEPA 2's own files hold positions that it does not use."""
    if patch is not None and "pos_embed" in tensors and _of_jepa2(tensors["pos_embed"]):
        del tensors["pos_embed"]
        notes.append("pos_embed: left out, V-JEPA 2 does not use it")
    if "pos_embed" in tensors or _is_joined(notes):
        raise UserError(
            "these weights were trained with positions that are added to the patches, which polyvit with `positions: "
            "rotary` has not; leave that key out"
        )


def _give_positions(tensors: "dict[str, Tensor]", patch: "Tensor", model: "JointModel", notes: list[str]) -> None:
    learnt = tensors.get("pos_embed")
    videomae = _is_joined(notes) or any(name.endswith("q_bias") for name in tensors)
    if _of_jepa2(learnt) if learnt is not None else not videomae:
        raise UserError(
            "V-JEPA 2 tells places apart by rotary positions in time, row and column, and so do these weights, it "
            "seems; of the models only `{name: polyvit, positions: rotary}` does, on a backbone such as "
            "{name: vit_large_patch16_rope_224, class_token: false, global_pool: avg, init_values: null}"
        )
    if learnt is None:
        _make_positions(tensors, patch, model, notes)
    else:
        _split_positions(tensors, model)


def _of_jepa2(positions: "Tensor") -> bool:
    return positions.shape[1] in JEPA2_COUNTS or positions.shape[2] == JEPA2_GIANT


def _make_positions(tensors: "dict[str, Tensor]", patch: "Tensor", model: "JointModel", notes: list[str]) -> None:
    patches = model.backbone.patch_embed.num_patches
    times = model.num_frames // patch.shape[2] if hasattr(model, "tubelet") else TIMES
    table = sinusoids(times * patches, patch.shape[0]).to(patch.dtype)
    tensors["pos_embed_video"] = _with_prefix(table, model)
    tensors["pos_embed"] = _with_prefix(_still(table, patches), model)
    notes.append("positions: VideoMAE's sinusoids, of the model's size; an image has those of the clip's middle")


def _split_positions(tensors: "dict[str, Tensor]", model: "JointModel") -> None:
    """Learnt positions of a clip's patches (V-JEPA) -> those of clips and of images."""
    positions = tensors["pos_embed"]
    patches = positions.shape[1] // TIMES
    if patches * TIMES == positions.shape[1] and isqrt(patches) ** 2 == patches:
        tensors["pos_embed_video"] = _with_prefix(positions, model)
        tensors["pos_embed"] = _with_prefix(_still(positions, patches), model)


def _with_prefix(positions: "Tensor", model: "JointModel") -> "Tensor":
    """Zeros for class tokens and registers, where those have positions."""
    import torch

    vit = model.backbone
    count = 0 if vit.no_embed_class else vit.num_prefix_tokens
    return torch.cat([positions.new_zeros(1, count, positions.shape[2]), positions], 1)


def _is_joined(notes: list[str]) -> bool:
    return any(note.startswith("attn.qkv.bias") for note in notes)


def _still(positions: "Tensor", patches: int) -> "Tensor":
    """The positions of the time step in the middle."""
    middle = positions.shape[1] // patches // 2
    return positions[:, middle * patches : (middle + 1) * patches]


def sinusoids(count: int, width: int) -> "Tensor":
    """(1, count, width): sines and cosines in turn, of wavelengths from 2 pi to 10000 x 2 pi (Vaswani et al., 3.5)."""
    import torch

    exponents = 2 * torch.div(torch.arange(width), 2, rounding_mode="floor") / width
    angles = torch.arange(count, dtype=torch.float64)[:, None] / 10_000.0 ** exponents.double()
    angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
    return angles[None].float()
