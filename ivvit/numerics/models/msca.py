"""MSCA (Hashiguchi & Tamaki, arXiv 2204.00452, section 3.2): some attention heads look at the neighbouring frames.

B batch, T frames, N tokens of a frame, D width, H heads, K = D / H width of a head, S heads shifted a direction.
"""

from typing import Any

import torch
from timm.layers import apply_rot_embed_cat
from torch import nn
from torch.nn.functional import linear, scaled_dot_product_attention

from ivvit.ground.errors import UserError
from ivvit.numerics.models.blocks import (
    ATTENTIONS,
    BLOCKS,
    AttentionParts,
    BlockParts,
    adopt,
    attention_half,
    mlp_half,
)
from ivvit.numerics.models.common import JointModel, shift_in_time
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


def project(attention: AttentionParts, x: torch.Tensor) -> torch.Tensor:
    """(B*T, N, D) -> queries, keys and values (B*T, N, 3, H, K), as any of timm's attentions makes them."""
    if attention.qkv is None:
        qkv = torch.cat([projection(x) for projection in (attention.q_proj, attention.k_proj, attention.v_proj)], -1)
    elif getattr(attention, "q_bias", None) is not None:  # Eva's keys have no learnt bias
        qkv = linear(x, attention.qkv.weight, torch.cat([attention.q_bias, attention.k_bias, attention.v_bias]))
    else:
        qkv = attention.qkv(x)
    qkv = qkv.unflatten(-1, (3, attention.num_heads, -1))
    if isinstance(attention.q_norm, nn.Identity):
        return qkv
    q, k, v = qkv.unbind(2)
    return torch.stack([attention.q_norm(q), attention.k_norm(k).to(v), v.to(q)], 2)


class HeadShift(AttentionParts):
    """timm's attention; for clips, some heads of some operands come from the frame after or before."""

    operands: slice
    size: int

    def forward(self, x: torch.Tensor, frames: int | None, rope: torch.Tensor | None = None) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N, D). Positions are those of the frame that a shifted operand goes to."""
        qkv = project(self, x)
        if frames is not None:
            qkv = shift_heads_(qkv, frames, self.size, self.operands)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B*T, H, N, K)
        if rope is not None:
            q, k = (self._rotate(operand, rope).to(v) for operand in (q, k))
        x = self._attend(q, k, v).transpose(1, 2).flatten(2)  # (B*T, N, D)
        return self.proj_drop(self.proj(self.norm(x)))

    def _rotate(self, x: torch.Tensor, rope: torch.Tensor) -> torch.Tensor:
        prefix = self.num_prefix_tokens
        return torch.cat([x[:, :, :prefix], apply_rot_embed_cat(x[:, :, prefix:], rope, half=self.rotate_half)], 2)

    def _attend(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        if self.attn_drop.p == 0:
            return scaled_dot_product_attention(q, k, v)
        return self.attn_drop((q * self.scale @ k.transpose(-2, -1)).softmax(-1)) @ v  # its dropout is a module's


class FramesBlock(BlockParts):
    """timm's block, which tells its attention how many frames a clip has."""

    def forward(self, x: torch.Tensor, frames: int | None, kept: int | None, **position: torch.Tensor) -> torch.Tensor:
        """(B*T, N, D) -> (B*T, N or `kept`, D)."""
        return mlp_half(self, attention_half(self, x, frames, **position), kept)


@register("MSCA")
class MSCA(JointModel):
    """No parameter is added: weights of the plain ViT load."""

    def __init__(self, *args: Any, shift: str, shift_heads: int, **common: Any) -> None:
        super().__init__(*args, **common)
        for block in self.backbone.blocks:
            framed = adopt(block, BLOCKS, FramesBlock, "MSCA")
            attention = adopt(framed.attn, ATTENTIONS, HeadShift, "MSCA")
            if 2 * shift_heads > attention.num_heads:
                raise UserError(
                    f"shift_heads is {shift_heads}, for each of two directions; the backbone has {attention.num_heads}"
                )
            if getattr(attention, "gate", None) is not None:
                raise UserError("MSCA does not support backbones with gated attention")
            if getattr(attention, "num_kv_groups", 1) > 1:
                raise UserError("MSCA shifts whole heads, but this backbone's keys and values have fewer than queries")
            attention.operands, attention.size = OPERANDS[shift], shift_heads

    def run_block(
        self, number: int, x: torch.Tensor, frames: int | None, kept: int | None, **position: torch.Tensor
    ) -> torch.Tensor:
        """Images are not shifted: frames is None for them."""
        return self.call(self.backbone.blocks[number], x, frames, kept, **position)
