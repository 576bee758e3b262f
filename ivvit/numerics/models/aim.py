"""AIM (Yang et al., "AIM: Adapting Image Models for Efficient Video Action Recognition", arXiv 2302.03024, 3.2).

In each block, for clips, the block's own attention is first used over time, then over space, with an adapter after
each; a third adapter stands beside the MLP. Made for a frozen backbone: `freeze: all` leaves adapters trained.

B batch, T frames, N tokens of a frame, D width.
"""

from typing import Any

import torch
from torch import nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.blocks import BLOCKS, BlockParts, adopt, scale
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.registry import register


class Adapter(nn.Module):
    """D -> bottleneck -> D with GELU; zero at first, so that the model begins as the image model."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.down, self.act, self.up = nn.Linear(width, bottleneck), nn.GELU(), nn.Linear(bottleneck, width)
        nn.init.zeros_(self.up.weight)
        nn.init.zeros_(self.up.bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(..., D) -> (..., D)."""
        return self.up(self.act(self.down(x)))


class BlockAdapters(nn.Module):
    """The three adapters of a block."""

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.time, self.space, self.mlp = (Adapter(width, bottleneck) for _ in range(3))


class AdaptedBlock(BlockParts):
    """timm's block with adapters; rotary positions, where there are any, are of space and not of time."""

    def forward(
        self, x: torch.Tensor, adapters: BlockAdapters, mlp_scale: float, frames: int | None, kept: int | None,
        **position: torch.Tensor,
    ) -> torch.Tensor:  # fmt: skip
        """(B*T, N, D) -> (B*T, N or `kept`, D)."""
        if frames is not None:
            times = x.unflatten(0, (-1, frames)).transpose(1, 2).flatten(0, 1)  # (B*N, T, D)
            times = adapters.time(scale(self, 1, self.attn(self.norm1(times))))
            tokens = x.shape[1]
            x = x + self.drop_path1(times.unflatten(0, (-1, tokens)).transpose(1, 2).flatten(0, 1))  # (B*T, N, D)
        y = scale(self, 1, self.attn(self.norm1(x), **position))
        x = (x + self.drop_path1(y + adapters.space(y)))[:, :kept]
        y = self.norm2(x)
        return x + self.drop_path2(scale(self, 2, self.mlp(y)) + mlp_scale * adapters.mlp(y))


@register("AIM")
class AIM(JointModel):
    """Frames as images, with attention over time at each place; a learnt position in time is added to all tokens."""

    def __init__(self, *args: Any, bottleneck: float, mlp_scale: float, **common: Any) -> None:
        super().__init__(*args, **common)
        vit = self.backbone
        for block in vit.blocks:
            adopt(block, BLOCKS, AdaptedBlock, "AIM")
        if vit.patch_drop is not None and not isinstance(vit.patch_drop, nn.Identity):
            raise UserError(
                "AIM attends over time at each place, so no patches can be dropped; leave out patch_drop_rate"
            )
        self.mlp_scale = mlp_scale
        inner = max(1, int(vit.embed_dim * bottleneck))
        self.adapters = nn.ModuleList(BlockAdapters(vit.embed_dim, inner) for _ in vit.blocks)
        self.adapters.time_embed = nn.Parameter(torch.zeros(1, self.num_frames, 1, vit.embed_dim))

    def classify_clips(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        if x.shape[1] != self.num_frames:
            raise UserError(f"this AIM was made for clips of {self.num_frames} frames, got {x.shape[1]}")
        return super().classify_clips(x, dataset)

    def encode(
        self, x: torch.Tensor, rotary: torch.Tensor | None = None, frames: int | None = None, kept: int | None = None
    ) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N or `kept`, D)."""
        if frames is not None:
            x = (x.unflatten(0, (-1, frames)) + self.adapters.time_embed).flatten(0, 1)
        return super().encode(x, rotary, frames, kept)

    def run_block(
        self, number: int, x: torch.Tensor, frames: int | None, kept: int | None, **position: torch.Tensor
    ) -> torch.Tensor:
        """A block with its adapters."""
        block, adapters = self.backbone.blocks[number], self.adapters[number]
        return self.call(block, x, adapters, self.mlp_scale, frames, kept, **position)
