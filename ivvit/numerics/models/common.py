"""What the models share: a VisionTransformer or Eva of timm made by name, late fusion, and the walk through its blocks.

B batch, T frames of a clip, C H W channels, height and width, N tokens of a frame, D width.
"""

from typing import Any

import timm
import torch
from timm.models.eva import Eva
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint

from ivvit.ground.errors import UserError
from ivvit.numerics.models.blocks import BlockParts
from ivvit.numerics.models.heads import make_heads
from ivvit.numerics.pixels import PAPER

Backbone = VisionTransformer | Eva


def create_backbone(name: str, args: dict[str, Any]) -> Backbone:
    """A VisionTransformer or Eva of timm without classifier, randomly initialised.

    Raises:
        UserError: timm does not know the name or an argument, or the model is of another kind.
    """
    try:
        backbone = _create(name, args)
    except RuntimeError as error:
        if "Unknown model" not in str(error):
            raise UserError(f"backbone {name!r} does not accept {args}: {error}") from error
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "vit_base_patch16_224"
        raise UserError(f"backbone {name!r} is not a model of timm {timm.__version__}; for instance {near}") from None
    except (TypeError, ValueError, AssertionError) as error:
        raise UserError(f"backbone {name!r} does not accept {args}: {error}") from None
    if not isinstance(backbone, Backbone):
        kind = type(backbone).__name__
        raise UserError(
            f"backbone {name!r} is a {kind}; supported are timm's VisionTransformer (vit_*, deit_*) and Eva "
            "(eva02_*, vit_*_dinov3, vit_*_rope_*, vit_pe_*)"
        )
    return backbone


def _create(name: str, args: dict[str, Any]) -> nn.Module:
    """`timm.create_model` leaves out what is None, so that `init_values: null` would do nothing."""
    architecture, _, tag = name.partition(".")
    if None not in args.values() or not timm.is_model(architecture):
        return timm.create_model(name, pretrained=False, num_classes=0, **args)
    return timm.model_entrypoint(architecture)(pretrained=False, pretrained_cfg=tag or None, num_classes=0, **args)


class JointModel(nn.Module):
    """Images and clips through one ViT; a clip's T frames are T images whose logits are averaged (late fusion)."""

    def __init__(
        self, backbone: str, backbone_args: dict[str, Any], num_classes: dict[str, int], num_frames: int,
        head: str = "linear",
    ) -> None:  # fmt: skip
        super().__init__()
        if num_frames < 1:
            raise UserError(f"num_frames is {num_frames}: a clip has at least one frame")
        self.num_frames = num_frames
        self.backbone = create_backbone(backbone, backbone_args)
        self.heads = make_heads(head, self.backbone, num_classes)
        self.pixels = PAPER
        """How the pixels that it was trained on were normalised and resized (see `initial_model`)."""

    def forward(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """Images (B, C, H, W) or clips (B, T, C, H, W), and the data set they are of -> logits (B, classes)."""
        if x.dim() == 4:
            return self.classify(self.encode(*self.embed(x), kept=self.kept), dataset)
        if x.dim() != 5:
            raise UserError(f"expected images (B, C, H, W) or clips (B, T, C, H, W), got shape {tuple(x.shape)}")
        return self.classify_clips(x, dataset)

    def classify_clips(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        frames = x.shape[1]
        return self.classify(self.encode(*self.embed(x.flatten(0, 1)), frames, self.kept), dataset, frames)

    @property
    def kept(self) -> int | None:
        """How many tokens, from the first on, may matter to the heads: those before the patches, or all (None).

        In training the last block's MLP is computed for these alone: 5% less work for a ViT of 12 blocks. Evaluation
        computes all, which one may want to look at.
        """
        vit = self.backbone
        by_class_token = vit.global_pool == "token" and vit.attn_pool is None and not self.heads.attentive
        leaves_out = self.training and by_class_token and isinstance(vit.blocks[-1], BlockParts)
        return vit.num_prefix_tokens if leaves_out else None

    def classify(self, x: torch.Tensor, dataset: str, frames: int = 1) -> torch.Tensor:
        """Tokens (B*T, N, D) -> (B, classes): the mean of the frames' logits, or attention to all frames' tokens."""
        if self.heads.attentive:
            return self.heads(x.unflatten(0, (-1, frames)).flatten(1, 2), dataset)
        logits = self.heads(self.pool(x), dataset)
        return logits if frames == 1 else logits.unflatten(0, (-1, frames)).mean(1)

    def features(self, x: torch.Tensor, frames: int | None = None) -> torch.Tensor:
        """(B, C, H, W) images, or (B*T, C, H, W) the frames of clips of T frames -> tokens (B or B*T, N, D)."""
        return self.encode(*self.embed(x), frames)

    def embed(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
        """(B, C, H, W) -> tokens with their positions (B, N, D), class token first; Eva's rotary positions."""
        vit = self.backbone
        tokens = vit._pos_embed(vit.patch_embed(x))
        x, rotary = tokens if isinstance(tokens, tuple) else (vit.patch_drop(tokens), None)  # Eva drops patches itself
        return vit.norm_pre(x), rotary

    def encode(
        self, x: torch.Tensor, rotary: torch.Tensor | None = None, frames: int | None = None, kept: int | None = None
    ) -> torch.Tensor:
        """(B, N, D) -> (B, N or `kept`, D), through the blocks and the final norm."""
        last = len(self.backbone.blocks) - 1
        for number in range(last + 1):
            x = self.run_block(number, x, frames, kept if number == last else None, **self._position(rotary, number))
        return self.backbone.norm(x)

    def _position(self, rotary: torch.Tensor | None, block: int) -> dict[str, torch.Tensor]:
        if rotary is None:
            return {}
        return {"rope": rotary[block] if self.backbone.rope_mixed else rotary}

    def run_block(
        self, number: int, x: torch.Tensor, frames: int | None, kept: int | None, **position: torch.Tensor
    ) -> torch.Tensor:
        """Block 0, 1, ...; a subclass hands `frames` on to it. `kept` is for a last block that takes it."""
        further = () if kept is None else (kept,)
        return self.call(self.backbone.blocks[number], x, *further, **position)

    def call(self, block: nn.Module, *args: Any, **position: Any) -> torch.Tensor:
        """Call a block, recomputing it in the backward pass if timm's gradient checkpointing is on."""
        if self.backbone.grad_checkpointing and torch.is_grad_enabled():
            return checkpoint(block, *args, use_reentrant=False, **position)
        return block(*args, **position)

    def pool(self, x: torch.Tensor) -> torch.Tensor:
        """(B, N, D) -> (B, D): the class token, or what timm pools where there is none."""
        return self.backbone.forward_head(x, pre_logits=True)


def shift_in_time(x: torch.Tensor, size: int, dim: int) -> torch.Tensor:
    """Shift entries [0, size) of `dim` from frame t+1, [size, 2*size) from frame t-1; zeros where no frame is.

    Args:
        x: (B, T, ...) of which `dim` holds exactly 2*size entries.
    """
    following, previous = x.split(size, dim)
    edge = torch.zeros_like(following[:, :1])
    return torch.cat([torch.cat([following[:, 1:], edge], 1), torch.cat([edge, previous[:, :-1]], 1)], dim)
