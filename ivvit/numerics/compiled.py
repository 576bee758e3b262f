"""torch's compiler, for a backbone's blocks."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel

FORMS = 8
"""Of a block: for images and clips, in training and not, with a batch of one size or of any."""


def compile_blocks(model: "JointModel", **options: Any) -> None:
    """Compile each block at its first call; options are those of torch.compile.

    Blocks that differ (by their rates of stochastic depth) are compiled one by one. torch gives up after eight and
    calls the others as they are, so its limit is raised to what the model can need.
    """
    from torch._dynamo import config  # here, because it takes two seconds

    forms = FORMS * len(model.backbone.blocks)
    config.recompile_limit = max(config.recompile_limit, forms)
    config.accumulated_recompile_limit = max(config.accumulated_recompile_limit, 2 * forms)
    for block in model.backbone.blocks:
        block.compile(**options)
