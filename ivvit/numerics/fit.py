"""Make converted weights fit a model: position embeddings to its grid, image weights to polyvit's tubelets."""

from typing import TYPE_CHECKING, cast

from ivvit.ground.errors import UserError
from ivvit.numerics.fit_video import fit_video

if TYPE_CHECKING:
    from torch import Tensor

    from ivvit.numerics.models.common import Backbone, JointModel
    from ivvit.numerics.models.polyvit import PolyViT


def fit(tensors: "dict[str, Tensor]", model: "JointModel") -> "tuple[dict[str, Tensor], list[str]]":
    """Resize and inflate where the model needs it.

    Args:
        tensors: under timm's names (`ivvit.weights.layouts`).
        model: one of `ivvit.numerics.models`.

    Returns:
        The tensors under timm's names, and a line for each change made.

    Raises:
        UserError: the position embeddings are no square grid, or places are told apart in another way.
    """
    vit, fitted, notes = model.backbone, dict(tensors), list[str]()
    fit_video(fitted, model, notes)
    tensors = dict(fitted)
    positions = tensors.get("pos_embed")
    if positions is not None and vit.pos_embed is not None and positions.shape[2] == vit.pos_embed.shape[2]:
        fitted["pos_embed"] = _fit_positions(fitted, vit, vit.pos_embed.shape, notes)
    if hasattr(model, "pos_embed_video"):
        _fit_clips(fitted, tensors, cast("PolyViT", model), notes)
    return fitted, notes


def _fit_positions(
    tensors: "dict[str, Tensor]", vit: "Backbone", target: tuple[int, ...], notes: list[str]
) -> "Tensor":
    from timm.layers import resample_abs_pos_embed

    source = tensors["pos_embed"]
    if source.shape == target:
        return source
    prefix = _prefix(vit)
    having = _having(source, prefix)
    source = _fit_prefix(tensors, having, prefix, notes)
    if source.shape != target:
        side, grid = _side(source, prefix), list(vit.patch_embed.grid_size)
        source = resample_abs_pos_embed(source, new_size=grid, num_prefix_tokens=prefix)
        notes.append(f"pos_embed: interpolated from {side}x{side} to {grid[0]}x{grid[1]} patches")
    return source


def _prefix(vit: "Backbone") -> int:
    return 0 if vit.no_embed_class else vit.num_prefix_tokens


def _side(positions: "Tensor", prefix: int) -> int:
    return round((positions.shape[1] - prefix) ** 0.5)


def _having(positions: "Tensor", prefix: int) -> int:
    """How many of the positions are class and register tokens': the rest is a square grid."""
    count = positions.shape[1]
    for n in (prefix, 1, 0):
        if count > n and _side(positions, n) ** 2 == count - n:
            return n
    raise UserError(f"pos_embed has {count} positions: no square grid of patches after {prefix}, 1 or 0 prefix tokens")


def _fit_prefix(tensors: "dict[str, Tensor]", having: int, prefix: int, notes: list[str]) -> "Tensor":
    import torch

    source = tensors["pos_embed"]
    if having > prefix:
        if "cls_token" in tensors:
            tensors["cls_token"] = tensors["cls_token"] + source[:, :1]
        notes.append("pos_embed: the class token's position was added to the class token")
        return source[:, having:]
    if having < prefix:
        zeros = source.new_zeros(1, prefix - having, source.shape[2])
        notes.append(f"pos_embed: zeros for {prefix - having} prefix tokens that have no position in the file")
        return torch.cat([source[:, :having], zeros, source[:, having:]], 1)
    return source


def _fit_clips(fitted: "dict[str, Tensor]", source: "dict[str, Tensor]", model: "PolyViT", notes: list[str]) -> None:
    """Image weights -> tubelets: the central frame gets the 2-D kernel, positions repeat in time (ViViT, 3.4)."""
    if "tubelet.weight" not in fitted and "patch_embed.proj.weight" in fitted:
        fitted |= _inflate_patches(fitted, model.tubelet.kernel_size[0])
        notes.append("tubelet: inflated from the patch embedding, in the central frame")
    if model.cls_token_video is not None and "cls_token_video" not in fitted and "cls_token" in fitted:
        fitted["cls_token_video"] = fitted["cls_token"].clone()
        notes.append("cls_token_video: the image's class token")
    prefix, target = _prefix(model.backbone), model.pos_embed_video
    if target is None:  # rotary ones, which nothing was learnt of
        return
    if "pos_embed_video" not in fitted and "pos_embed" in fitted:
        fitted["pos_embed_video"] = _repeat_in_time(fitted["pos_embed"], prefix, target.shape[1])
        notes.append("pos_embed_video: the image's positions, repeated in time")
    elif (
        "pos_embed_video" in fitted and fitted["pos_embed_video"].shape[1] != target.shape[1] and "pos_embed" in source
    ):
        side = _side(source["pos_embed"], _having(source["pos_embed"], prefix))
        fitted["pos_embed_video"] = _resize_in_time(fitted["pos_embed_video"], prefix, side, model)
        notes.append("pos_embed_video: interpolated in time and space")


def _inflate_patches(tensors: "dict[str, Tensor]", frames: int) -> "dict[str, Tensor]":
    """(D, C, P, P) -> (D, C, F, P, P), zero but for frame F // 2."""
    patch = tensors["patch_embed.proj.weight"]
    weight = patch.new_zeros(*patch.shape[:2], frames, *patch.shape[2:])
    weight[:, :, frames // 2] = patch
    bias = tensors.get("patch_embed.proj.bias")
    return {"tubelet.weight": weight} | ({} if bias is None else {"tubelet.bias": bias.clone()})


def _repeat_in_time(positions: "Tensor", prefix: int, length: int) -> "Tensor":
    import torch

    grid = positions[:, prefix:]
    return torch.cat([positions[:, :prefix], grid.repeat(1, (length - prefix) // grid.shape[1], 1)], 1)


def _resize_in_time(positions: "Tensor", prefix: int, side: int, model: "PolyViT") -> "Tensor":
    import torch
    from torch.nn.functional import interpolate

    size = (model.num_frames // model.tubelet.kernel_size[0], *model.backbone.patch_embed.grid_size)
    grid = positions[:, prefix:].unflatten(1, (-1, side, side)).permute(0, 4, 1, 2, 3)  # (1, D, T/F, rows, columns)
    grid = interpolate(grid.float(), size, mode="trilinear", align_corners=False).to(positions.dtype)
    return torch.cat([positions[:, :prefix], grid.permute(0, 2, 3, 4, 1).flatten(1, 3)], 1)
