"""ST-Adapter (Pan et al., "ST-Adapter: Parameter-Efficient Image-to-Video Transfer Learning", arXiv 2206.13559, 3.2).

Before the attention of each block, a bottleneck with a depthwise convolution over time and space on the patches'
tokens; class tokens and registers pass by it. An image is a clip of one frame. Made for a frozen backbone:
`freeze: all` leaves adapters trained.

B batch, T frames, H W the grid of patches, N tokens of a frame, D width, K bottleneck.
"""

from typing import Any

import torch
from torch import nn

from ivvit.ground.errors import UserError
from ivvit.numerics.models.blocks import adopt_last
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.registry import register


class STAdapter(nn.Module):
    """x + up(conv(down(x))); zero at first, so that the model begins as the image model."""

    def __init__(self, width: int, bottleneck: int, kernel: tuple[int, int, int]) -> None:
        super().__init__()
        padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.down, self.up = nn.Linear(width, bottleneck), nn.Linear(bottleneck, width)
        self.conv = nn.Conv3d(bottleneck, bottleneck, kernel, padding=padding, groups=bottleneck)
        for parameter in (*self.conv.parameters(), self.up.bias, self.down.bias):
            nn.init.zeros_(parameter)
        nn.init.trunc_normal_(self.up.weight, std=0.02)  # one zero layer is enough, two would never move

    def forward(self, x: torch.Tensor, frames: int, grid: tuple[int, int], prefix: int) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N, D)."""
        y = self.down(x[:, prefix:]).unflatten(0, (-1, frames)).unflatten(2, grid)  # (B, T, H, W, K)
        y = self.conv(y.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1)  # (B, T, H, W, K)
        y = self.up(y.flatten(2, 3).flatten(0, 1))  # (B*T, H*W, D)
        return torch.cat([x[:, :prefix], x[:, prefix:] + y], 1)


@register("ST-Adapter")
class STAdapterViT(JointModel):
    """Frames as images, whose patches mix with those of neighbouring frames before each block."""

    def __init__(self, *args: Any, bottleneck: int, kernel: tuple[int, int, int], **common: Any) -> None:
        super().__init__(*args, **common)
        vit = self.backbone
        if vit.patch_drop is not None and not isinstance(vit.patch_drop, nn.Identity):
            raise UserError("ST-Adapter needs the whole grid of patches; leave out patch_drop_rate")
        adopt_last(vit.blocks)
        self.adapters = nn.ModuleList(STAdapter(vit.embed_dim, bottleneck, kernel) for _ in vit.blocks)

    def run_block(
        self, number: int, x: torch.Tensor, frames: int | None, kept: int | None, **position: torch.Tensor
    ) -> torch.Tensor:
        """The adapter, then the block as it is."""
        vit = self.backbone
        x = self.call(self.adapters[number], x, frames or 1, vit.patch_embed.grid_size, vit.num_prefix_tokens)
        return super().run_block(number, x, frames, kept, **position)
