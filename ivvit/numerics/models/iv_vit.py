"""IV-ViT (Shimizu & Tamaki, MVA 2023, section 3): the frames of a clip are images, their logits are averaged.

Images (B, C, H, W) -> (B, classes); clips (B, T, C, H, W) -> (B*T, C, H, W) -> (B*T, classes) -> mean over T.
"""

from typing import Any

from ivvit.numerics.models.blocks import adopt_last
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.models.registry import register


@register("IV-ViT")
class IVViT(JointModel):
    """The plain ViT with a head per data set; the order of frames cannot matter."""

    def __init__(self, *args: Any, **common: Any) -> None:
        super().__init__(*args, **common)
        adopt_last(self.backbone.blocks)
