"""What the models share: a timm VisionTransformer made by name, late fusion, and the walk through its blocks.

B batch, T frames of a clip, C H W channels, height and width, N tokens of a frame, D width.
"""

from typing import Any

import timm
import torch
from timm.models.vision_transformer import VisionTransformer
from torch import nn
from torch.utils.checkpoint import checkpoint

from ivvit.ground.errors import UserError
from ivvit.numerics.models.heads import Heads


def create_backbone(name: str, args: dict[str, Any]) -> VisionTransformer:
    """A timm VisionTransformer without classifier, randomly initialised.

    Raises:
        UserError: timm does not know the name or an argument, or the model is no VisionTransformer.
    """
    try:
        backbone = timm.create_model(name, pretrained=False, num_classes=0, **args)
    except RuntimeError as error:
        if "Unknown model" not in str(error):
            raise
        near = ", ".join(timm.list_models(f"*{name.split('_')[0]}*")[:5]) or "vit_base_patch16_224"
        raise UserError(f"backbone {name!r} is not a model of timm {timm.__version__}; for instance {near}") from None
    except (TypeError, ValueError, AssertionError) as error:
        raise UserError(f"backbone {name!r} does not accept {args}: {error}") from None
    if not isinstance(backbone, VisionTransformer):
        kind = type(backbone).__name__
        raise UserError(f"backbone {name!r} is a {kind}; supported is every VisionTransformer of timm (vit_*, deit*)")
    return backbone


def adopt(module: nn.Module, parent: type[nn.Module], child: type[nn.Module], model: str) -> None:
    """Give a made module of timm another forward by changing its class; parameters and their names stay.

    Raises:
        UserError: the backbone has another kind of module there.
    """
    if type(module) is not parent:
        kind = type(module).__name__
        raise UserError(f"{model} changes timm's standard {parent.__name__}, but this backbone is built of {kind}")
    module.__class__ = child


class JointModel(nn.Module):
    """Images and clips through one ViT; a clip's T frames are T images whose logits are averaged (late fusion)."""

    def __init__(self, backbone: str, backbone_args: dict[str, Any], num_classes: dict[str, int], num_frames: int):
        super().__init__()
        if num_frames < 1:
            raise UserError(f"num_frames is {num_frames}: a clip has at least one frame")
        self.num_frames = num_frames
        self.backbone = create_backbone(backbone, backbone_args)
        self.heads = Heads(self.backbone.num_features, num_classes)

    def forward(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """Images (B, C, H, W) or clips (B, T, C, H, W), and the data set they are of -> logits (B, classes)."""
        if x.dim() == 4:
            return self.heads(self.features(x), dataset)
        if x.dim() != 5:
            raise UserError(f"expected images (B, C, H, W) or clips (B, T, C, H, W), got shape {tuple(x.shape)}")
        return self.classify_clips(x, dataset)

    def classify_clips(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        B, T = x.shape[:2]
        logits = self.heads(self.features(x.flatten(0, 1), frames=T), dataset)  # (B*T, classes)
        return logits.unflatten(0, (B, T)).mean(1)

    def features(self, x: torch.Tensor, frames: int | None = None) -> torch.Tensor:
        """(B, C, H, W) images, or (B*T, C, H, W) the frames of clips of T frames -> (B or B*T, D)."""
        return self.pool(self.encode(self.embed(x), frames))

    def embed(self, x: torch.Tensor) -> torch.Tensor:
        """(B, C, H, W) -> tokens with their positions (B, N, D), class token first."""
        vit = self.backbone
        return vit.norm_pre(vit.patch_drop(vit._pos_embed(vit.patch_embed(x))))

    def encode(self, x: torch.Tensor, frames: int | None = None) -> torch.Tensor:
        """(B, N, D) -> (B, N, D), through the blocks and the final norm."""
        for block in self.backbone.blocks:
            x = self.run_block(block, x, frames)
        return self.backbone.norm(x)

    def run_block(self, block: nn.Module, x: torch.Tensor, frames: int | None) -> torch.Tensor:
        """One block; a subclass hands `frames` on to it."""
        return self.call(block, x)

    def call(self, block: nn.Module, *args: Any) -> torch.Tensor:
        """Call a block, recomputing it in the backward pass if timm's gradient checkpointing is on."""
        if self.backbone.grad_checkpointing and torch.is_grad_enabled():
            return checkpoint(block, *args, use_reentrant=False)
        return block(*args)

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
