"""TokenShift (Zhang et al., arXiv 2108.02432, section 3.3): class tokens exchange channels with neighbouring frames.

B batch, T frames, N tokens of a frame (class token first), D width, S = D // fold_div channels a direction.
"""

from typing import Any

import torch

from ivvit.ground.errors import UserError
from ivvit.numerics.models.blocks import BLOCKS, BlockParts, adopt, attention_half, mlp_half
from ivvit.numerics.models.common import JointModel, shift_in_time
from ivvit.numerics.models.registry import register


def shift_class_token_(x: torch.Tensor, frames: int, size: int) -> torch.Tensor:
    """Shift the class tokens' channels in place: [0, S) from frame t+1, [S, 2S) from t-1, zeros at the ends.

    In place, as all other tokens stay: x must be a fresh tensor, such as the sum of a residual connection.

    Args:
        x: (B*T, N, D).
        frames: T.
        size: S.
    """
    channels = x[:, 0, : 2 * size].unflatten(0, (-1, frames))  # (B, T, 2S)
    x[:, 0, : 2 * size] = shift_in_time(channels, size, dim=2).flatten(0, 1)
    return x


class ClassTokenShift(BlockParts):
    """timm's block with a shift of the residual stream before its second half (the first is the model's)."""

    def forward(
        self, x: torch.Tensor, frames: int | None, size: int, kept: int | None, **position: torch.Tensor
    ) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N or `kept`, D)."""
        x = attention_half(self, x, **position)
        if frames is not None:
            x = shift_class_token_(x, frames, size)
        return mlp_half(self, x, kept)


@register("TokenShift")
class TokenShift(JointModel):
    """In each block the class token is shifted twice: before the attention's and before the MLP's LayerNorm."""

    def __init__(self, *args: Any, fold_div: int, **common: Any) -> None:
        super().__init__(*args, **common)
        if self.backbone.cls_token is None:
            raise UserError("TokenShift shifts class tokens, but this backbone has none")
        self.size = self.backbone.embed_dim // fold_div
        if self.size < 1:
            raise UserError(f"fold_div is {fold_div}, more than the backbone's width {self.backbone.embed_dim}")
        for block in self.backbone.blocks:
            adopt(block, BLOCKS, ClassTokenShift, "TokenShift")

    def run_block(
        self, number: int, x: torch.Tensor, frames: int | None, kept: int | None, **position: torch.Tensor
    ) -> torch.Tensor:
        """The first shift is made here, in place: inside the block it would spoil what checkpointing saved of x."""
        if frames is not None:
            x = shift_class_token_(x, frames, self.size)
        return self.call(self.backbone.blocks[number], x, frames, self.size, kept, **position)
