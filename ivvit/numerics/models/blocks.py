"""What the models change inside timm's blocks: VisionTransformer's and those of Eva, which have rotary positions.

B batch, T frames of a clip, N tokens of a frame, D width.
"""

from typing import Any, TypeVar

import torch
from timm.layers import Attention, AttentionRope
from timm.models.eva import EvaAttention, EvaBlock
from timm.models.vision_transformer import Block
from torch import nn

from ivvit.ground.errors import UserError

BLOCKS = (Block, EvaBlock)
ATTENTIONS = (Attention, EvaAttention, AttentionRope)


class AttentionParts(nn.Module):
    """What the models use of an attention of timm."""

    qkv: nn.Linear | None
    q_proj: nn.Linear
    k_proj: nn.Linear
    v_proj: nn.Linear
    q_bias: torch.Tensor
    k_bias: torch.Tensor
    v_bias: torch.Tensor
    q_norm: nn.Module
    k_norm: nn.Module
    norm: nn.Module
    proj: nn.Module
    attn_drop: nn.Dropout
    proj_drop: nn.Module
    num_heads: int
    num_prefix_tokens: int
    rotate_half: bool
    scale: float


class BlockParts(nn.Module):
    """What the models use of a block of timm."""

    norm1: nn.Module
    attn: AttentionParts
    drop_path1: nn.Module
    norm2: nn.Module
    mlp: nn.Module
    drop_path2: nn.Module


class LastBlock(BlockParts):
    """timm's block, which can leave out what becomes of tokens that nobody looks at."""

    def forward(self, x: torch.Tensor, kept: int | None = None, **position: torch.Tensor) -> torch.Tensor:
        """(B, N, D) -> (B, N or `kept`, D)."""
        return mlp_half(self, attention_half(self, x, **position), kept)


Change = TypeVar("Change", bound=nn.Module)


def adopt(module: nn.Module, parents: tuple[type[nn.Module], ...], change: type[Change], model: str) -> Change:
    """Give a made module of timm another forward, by a class of `change` and its own; parameters and names stay.

    Returns:
        The same module.

    Raises:
        UserError: the backbone has another kind of module there.
    """
    kind = type(module)
    if kind not in parents:
        known = " and ".join(parent.__name__ for parent in parents)
        raise UserError(f"{model} changes timm's {known}, but this backbone is built of {kind.__name__}")
    made = type(f"{change.__name__}{kind.__name__}", (change, kind), {})
    module.__class__ = _classes.setdefault((change, kind), made)
    assert isinstance(module, change)
    return module


_classes: dict[tuple[type, type], type] = {}
"""One for all blocks of a kind: torch.compile compiles a forward anew for each class, and gives up after eight."""


def adopt_last(blocks: nn.Sequential | nn.ModuleList) -> None:
    """Make the last block a LastBlock, if it is built as timm's two kinds of blocks are."""
    if type(blocks[-1]) in BLOCKS:
        adopt(blocks[-1], BLOCKS, LastBlock, "kept")


def attention_half(block: BlockParts, x: torch.Tensor, *args: Any, **position: torch.Tensor) -> torch.Tensor:
    """(B, N, D) -> (B, N, D): the first half of a block. Further arguments go to its attention."""
    return x + block.drop_path1(scale(block, 1, block.attn(block.norm1(x), *args, **position)))


def mlp_half(block: BlockParts, x: torch.Tensor, kept: int | None) -> torch.Tensor:
    """(B, N, D) -> (B, N, D): the second half of a block, or (B, kept, D) of the first `kept` tokens alone."""
    x = x[:, :kept]
    return x + block.drop_path2(scale(block, 2, block.mlp(block.norm2(x))))


def scale(block: BlockParts, half: int, x: torch.Tensor) -> torch.Tensor:
    """LayerScale of a half of a block, where it has one."""
    if isinstance(block, EvaBlock):
        gamma = getattr(block, f"gamma_{half}")
        return x if gamma is None else gamma * x
    return getattr(block, f"ls{half}")(x)
