"""polyvit (Likhosherstov et al., arXiv 2111.12993, section 3.1): a tokeniser per modality, one shared encoder.

B batch, T frames, C H W channels, height and width, P patch, F frames of a tubelet, D width,
N = T/F * H/P * W/P tokens of a clip in the order time, row, column.
"""

from typing import Any

import torch
from timm.layers import PatchEmbed
from torch import nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.registry import register


@register("polyvit")
class PolyViT(JointModel):
    """Images by patches, clips by tubelets (3-D convolution) with joint space-time attention; no fusion step."""

    def __init__(self, *args: Any, tubelet_frames: int) -> None:
        super().__init__(*args)
        if self.num_frames % tubelet_frames:
            raise UserError(f"num_frames is {self.num_frames}, not a multiple of tubelet_frames = {tubelet_frames}")
        vit, patch = self.backbone, self.backbone.patch_embed
        if type(patch) is not PatchEmbed or vit.pos_embed is None:
            kind = type(patch).__name__
            raise UserError(f"polyvit needs a backbone with plain patches and learnt positions; this one has {kind}")
        size = (tubelet_frames, *patch.patch_size)
        bias = patch.proj.bias is not None
        self.tubelet = nn.Conv3d(patch.proj.in_channels, vit.embed_dim, size, stride=size, bias=bias)
        num_tokens = self.num_frames // tubelet_frames * patch.num_patches
        num_tokens += 0 if vit.no_embed_class else vit.num_prefix_tokens
        self.pos_embed_video = nn.Parameter(torch.empty(1, num_tokens, vit.embed_dim))
        nn.init.trunc_normal_(self.pos_embed_video, std=0.02)

    def classify_clips(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        if x.shape[1] != self.num_frames:
            raise UserError(f"this polyvit was made for clips of {self.num_frames} frames, got {x.shape[1]}")
        return self.heads(self.pool(self.encode(self.embed_clip(x))), dataset)

    def embed_clip(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, C, H, W) -> tokens with their positions (B, prefix + N, D), class token first."""
        vit = self.backbone
        x = self.tubelet(x.transpose(1, 2)).flatten(2).transpose(1, 2)  # (B, N, D)
        x = vit.patch_embed.norm(x)
        tokens = (getattr(vit, name, None) for name in ("cls_token", "dist_token", "reg_token"))
        prefix = [token.expand(x.shape[0], -1, -1) for token in tokens if token is not None]
        if vit.no_embed_class:
            x = torch.cat([*prefix, x + self.pos_embed_video], 1)
        else:
            x = torch.cat([*prefix, x], 1) + self.pos_embed_video
        return vit.norm_pre(vit.patch_drop(vit.pos_drop(x)))
