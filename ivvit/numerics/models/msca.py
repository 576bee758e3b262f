"""MSCA (Hashiguchi & Tamaki, arXiv 2204.00452, section 3.2): some attention heads look at the neighbouring frames.

B batch, T frames, N tokens of a frame, D width, H heads, K = D / H width of a head, S heads shifted a direction.
"""

from typing import Any

import torch
from timm.models.vision_transformer import Attention, Block
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

from ivvit.ground.errors import UserError
from ivvit.numerics.models.common import JointModel, adopt, shift_in_time
from ivvit.numerics.models.registry import register

OPERANDS = {"q": slice(0, 1), "k": slice(1, 2), "v": slice(2, 3), "qk": slice(0, 2), "kv": slice(1, 3),
            "qv": slice(0, 3, 2), "qkv": slice(0, 3)}  # fmt: skip


def shift_heads_(qkv: torch.Tensor, frames: int, size: int, operands: slice) -> torch.Tensor:
    """Shift heads of the operands in place: heads [0, S) from frame t+1, [S, 2S) from t-1, zeros at the ends.

    Args:
        qkv: (B*T, N, 3, H, K), freshly made.
        frames: T.
        size: S.
        operands: which of the three are shifted.
    """
    heads = qkv[:, :, operands, : 2 * size].unflatten(0, (-1, frames))  # (B, T, N, operands, 2S, K)
    qkv[:, :, operands, : 2 * size] = shift_in_time(heads, size, dim=4).flatten(0, 1)
    return qkv


class ShiftedAttention(Attention):
    """timm's attention; for clips, some heads of some operands come from the frame after or before."""

    operands: slice
    size: int

    def forward(self, x: torch.Tensor, frames: int | None) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N, D)."""
        B, N, _ = x.shape
        qkv = self.qkv(x).reshape(B, N, 3, self.num_heads, self.head_dim)
        if not isinstance(self.q_norm, nn.Identity):
            q, k, v = qkv.unbind(2)
            qkv = torch.stack([self.q_norm(q), self.k_norm(k).to(v), v.to(q)], 2)
        if frames is not None:
            qkv = shift_heads_(qkv, frames, self.size, self.operands)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B*T, H, N, K)
        x = scaled_dot_product_attention(q, k, v, dropout_p=self.attn_drop.p if self.training else 0.0)
        x = x.transpose(1, 2).reshape(B, N, -1)  # (B*T, N, D)
        if hasattr(self, "norm"):  # older timm has none
            x = self.norm(x)
        return self.proj_drop(self.proj(x))


class MSCABlock(Block):
    """timm's block, which tells its attention how many frames a clip has."""

    def forward(self, x: torch.Tensor, frames: int | None) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N, D)."""
        x = x + self.drop_path1(self.ls1(self.attn(self.norm1(x), frames)))
        return x + self.drop_path2(self.ls2(self.mlp(self.norm2(x))))


@register("MSCA")
class MSCA(JointModel):
    """No parameter is added: weights of the plain ViT load."""

    def __init__(self, *args: Any, shift: str, shift_heads: int) -> None:
        super().__init__(*args)
        for block in self.backbone.blocks:
            adopt(block, Block, MSCABlock, "MSCA")
            adopt(block.attn, Attention, ShiftedAttention, "MSCA")
            if 2 * shift_heads > block.attn.num_heads:
                raise UserError(
                    f"shift_heads is {shift_heads}, for each of two directions; the backbone has {block.attn.num_heads}"
                )
            if getattr(block.attn, "gate", None) is not None:
                raise UserError("MSCA does not support backbones with gated attention")
            block.attn.operands, block.attn.size = OPERANDS[shift], shift_heads

    def run_block(self, block: nn.Module, x: torch.Tensor, frames: int | None) -> torch.Tensor:
        """Images are not shifted: frames is None for them."""
        return self.call(block, x, frames)
