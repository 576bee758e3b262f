"""polyvit (Likhosherstov et al., arXiv 2111.12993, section 3.1): a tokeniser per modality, one shared encoder.

B batch, T frames, C H W channels, height and width, P patch, F frames of a tubelet, D width,
N = T/F * H/P * W/P tokens of a clip in the order time, row, column.
"""

from typing import Any

import torch
from timm.layers import PatchEmbed
from timm.models.eva import Eva
from torch import nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.registry import register


@register("polyvit")
class PolyViT(JointModel):
    """Images by patches, clips by tubelets (3-D convolution) with joint space-time attention; no fusion step."""

    def __init__(self, *args: Any, tubelet_frames: int, class_tokens: str, **common: Any) -> None:
        super().__init__(*args, **common)
        if self.num_frames % tubelet_frames:
            raise UserError(f"num_frames is {self.num_frames}, not a multiple of tubelet_frames = {tubelet_frames}")
        vit, patch = self.backbone, self.backbone.patch_embed
        if type(patch) is not PatchEmbed or vit.pos_embed is None:
            kind = type(patch).__name__
            raise UserError(
                f"polyvit needs a backbone with plain patches and learnt positions; this one has {kind}"
                f"{' and only rotary or no positions, which do not tell frames apart' if vit.pos_embed is None else ''}"
            )
        if isinstance(vit, Eva) and vit.patch_drop is not None:
            raise UserError(
                "polyvit does not drop patches of a backbone with rotary positions; leave out patch_drop_rate"
            )
        size = (tubelet_frames, *patch.patch_size)
        bias = patch.proj.bias is not None
        self.tubelet = nn.Conv3d(patch.proj.in_channels, vit.embed_dim, size, stride=size, bias=bias)
        num_tokens = self.num_frames // tubelet_frames * patch.num_patches
        num_tokens += 0 if vit.no_embed_class else vit.num_prefix_tokens
        self.pos_embed_video = nn.Parameter(torch.empty(1, num_tokens, vit.embed_dim))
        nn.init.trunc_normal_(self.pos_embed_video, std=0.02)
        self.cls_token_video = None
        if class_tokens == "per-tokeniser":
            if vit.cls_token is None:
                raise UserError("class_tokens: per-tokeniser needs a backbone with a class token; this one has none")
            self.cls_token_video = nn.Parameter(vit.cls_token.detach().clone())

    def classify_clips(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        if x.shape[1] != self.num_frames:
            raise UserError(f"this polyvit was made for clips of {self.num_frames} frames, got {x.shape[1]}")
        return self.classify(self.encode(*self.embed_clip(x)), dataset)

    def embed_clip(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, T, C, H, W) -> tokens with their positions (B, prefix + N, D), class token first; rotary positions.

        Rotary positions are those of the image, the same at all times: time is in the learnt ones.
        """
        vit = self.backbone
        x = self.tubelet(x.transpose(1, 2)).flatten(2).transpose(1, 2)  # (B, N, D)
        x = vit.patch_embed.norm(x)
        prefix = [token.expand(x.shape[0], -1, -1) for token in self._prefix()]
        if vit.no_embed_class:
            x = torch.cat([*prefix, x + self.pos_embed_video], 1)
        else:
            x = torch.cat([*prefix, x], 1) + self.pos_embed_video
        x = vit.pos_drop(x)
        if not isinstance(vit, Eva):
            return vit.norm_pre(vit.patch_drop(x)), None
        rope: Any = vit.rope  # timm's rotary embeddings have no class in common
        rotary = None if rope is None else rope.get_embed()  # (H/P * W/P, 2K), by block and head if mixed
        times = self.num_frames // self.tubelet.kernel_size[0]
        return vit.norm_pre(x), None if rotary is None else torch.cat([rotary] * times, -2)

    def _prefix(self) -> list[torch.Tensor]:
        vit, own = self.backbone, self.cls_token_video
        tokens = [getattr(vit, name, None) for name in ("cls_token", "dist_token", "reg_token")]
        return [token for token in [own if own is not None else tokens[0], *tokens[1:]] if token is not None]
