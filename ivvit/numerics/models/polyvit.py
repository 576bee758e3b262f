"""polyvit (Likhosherstov et al., arXiv 2111.12993, section 3.1): a tokeniser per modality, one shared encoder.

B batch, T frames, C H W channels, height and width, P patch, F frames of a tubelet, D width,
N = T/F * H/P * W/P tokens of a clip in the order time, row, column.
"""

from typing import Any, cast

import torch
from timm.layers import PatchEmbed
from timm.models.eva import Eva
from torch import nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.blocks import adopt_last
from ivvit.numerics.models.common import Backbone, JointModel
from ivvit.numerics.models.registry import register
from ivvit.numerics.models.rotary import rotary_positions


@register("polyvit")
class PolyViT(JointModel):
    """Images by patches, clips by tubelets (3-D convolution) with joint space-time attention; no fusion step."""

    rotary_image: torch.Tensor
    rotary_video: torch.Tensor

    def __init__(self, *args: Any, tubelet_frames: int, class_tokens: str, positions: str, **common: Any) -> None:
        super().__init__(*args, **common)
        if self.num_frames % tubelet_frames:
            raise UserError(f"num_frames is {self.num_frames}, not a multiple of tubelet_frames = {tubelet_frames}")
        vit, patch = self.backbone, self.backbone.patch_embed
        _check_backbone(vit, positions)
        adopt_last(vit.blocks)
        size = (tubelet_frames, *patch.patch_size)
        bias = patch.proj.bias is not None
        self.tubelet = nn.Conv3d(patch.proj.in_channels, vit.embed_dim, size, stride=size, bias=bias)
        self.times = self.num_frames // tubelet_frames
        self.pos_embed_video = self._learnt_positions() if positions == "learnt" else None
        if positions == "rotary":
            size = (*patch.grid_size, _attention(vit).head_dim)
            self.register_buffer("rotary_image", rotary_positions(1, *size), persistent=False)
            self.register_buffer("rotary_video", rotary_positions(self.times, *size), persistent=False)
        self.cls_token_video = None
        if class_tokens == "per-tokeniser":
            if vit.cls_token is None:
                raise UserError("class_tokens: per-tokeniser needs a backbone with a class token; this one has none")
            self.cls_token_video = nn.Parameter(vit.cls_token.detach().clone())

    def _learnt_positions(self) -> nn.Parameter:
        vit = self.backbone
        num_tokens = self.times * vit.patch_embed.num_patches
        num_tokens += 0 if vit.no_embed_class else vit.num_prefix_tokens
        positions = nn.Parameter(torch.empty(1, num_tokens, vit.embed_dim))
        nn.init.trunc_normal_(positions, std=0.02)
        return positions

    def classify_clips(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        if x.shape[1] != self.num_frames:
            raise UserError(f"this polyvit was made for clips of {self.num_frames} frames, got {x.shape[1]}")
        return self.classify(self.encode(*self.embed_clip(x), kept=self.kept), dataset)

    def embed(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, C, H, W) -> tokens with their positions (B, prefix + N, D); rotary positions."""
        if self.pos_embed_video is not None:
            return super().embed(x)
        return self._without_learnt(self.backbone.patch_embed(x), None), self.rotary_image

    def embed_clip(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, T, C, H, W) -> tokens with their positions (B, prefix + N, D), class token first; rotary positions.

        Beside learnt ones, rotary positions are those of the image, the same at all times.
        """
        vit = self.backbone
        x = self.tubelet(x.transpose(1, 2)).flatten(2).transpose(1, 2)  # (B, N, D)
        x = vit.patch_embed.norm(x)
        if self.pos_embed_video is None:
            return self._without_learnt(x, self.cls_token_video), self.rotary_video
        prefix = self._prefix(x.shape[0], self.cls_token_video)
        if vit.no_embed_class:
            x = torch.cat([*prefix, x + self.pos_embed_video], 1)
        else:
            x = torch.cat([*prefix, x], 1) + self.pos_embed_video
        x = vit.pos_drop(x)
        if not isinstance(vit, Eva):
            return vit.norm_pre(vit.patch_drop(x)), None
        rope: Any = vit.rope  # timm's rotary embeddings have no class in common
        rotary = None if rope is None else rope.get_embed()  # (H/P * W/P, 2K), by block and head if mixed
        return vit.norm_pre(x), None if rotary is None else torch.cat([rotary] * self.times, -2)

    def _without_learnt(self, x: torch.Tensor, own: torch.Tensor | None) -> torch.Tensor:
        """(B, N, D) -> (B, prefix + N, D)."""
        vit = self.backbone
        return vit.norm_pre(vit.pos_drop(torch.cat([*self._prefix(x.shape[0], own), x], 1)))

    def _prefix(self, count: int, own: torch.Tensor | None) -> list[torch.Tensor]:
        """Class token (or the clips' own), distillation token and registers, (count, n, D) each."""
        vit = self.backbone
        tokens = [getattr(vit, name, None) for name in ("cls_token", "dist_token", "reg_token")]
        tokens = [own if own is not None else tokens[0], *tokens[1:]]
        return [token.expand(count, -1, -1) for token in tokens if token is not None]


def _check_backbone(vit: Backbone, positions: str) -> None:
    patch = vit.patch_embed
    if type(patch) is not PatchEmbed:
        raise UserError(f"polyvit needs a backbone with plain patches; this one has {type(patch).__name__}")
    if isinstance(vit, Eva) and vit.patch_drop is not None:
        raise UserError("polyvit does not drop patches of a backbone with rotary positions; leave out patch_drop_rate")
    if positions == "learnt" and vit.pos_embed is None:
        raise UserError(
            "polyvit needs a backbone with learnt positions; this one has only rotary or no positions, which do not "
            "tell frames apart (`model: {name: polyvit, positions: rotary}` has others in their place)"
        )
    if positions == "rotary" and (obstacle := _no_turning(vit)):
        raise UserError(
            f"polyvit with `positions: rotary` needs a backbone of timm's Eva without learnt positions, such as "
            f"vit_large_patch16_rope_224; this one {obstacle}"
        )


def _attention(vit: Backbone) -> Any:
    """The first block's; timm's attentions have no class in common."""
    return cast(Any, vit.blocks[0]).attn


def _no_turning(vit: Backbone) -> str | None:
    """Why the attention of a backbone cannot have V-JEPA 2's positions in place of its own."""
    if not isinstance(vit, Eva):
        return "is a VisionTransformer, whose attention takes no rotary positions"
    attention = _attention(vit)
    if vit.pos_embed is not None:
        return "has learnt ones; give backbone {use_abs_pos_emb: false}"
    if vit.rope_mixed:
        return "learns its rotary frequencies block by block"
    if attention.rotate_half:
        return "turns halves of a head's channels, not neighbours"
    return "has heads of fewer than 6 channels" if attention.head_dim < 6 else None
