"""The model at iteration 0: a function of the experiment, the seed and the initial weights."""

import logging
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from ivvit.ground.errors import UserError
from ivvit.numerics.load import load_tensors
from ivvit.numerics.models import create_model
from ivvit.numerics.pixels import pixels_of

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment
    from ivvit.numerics.models.common import JointModel

log = logging.getLogger("ivvit")


def initial_model(
    experiment: "Experiment", num_classes: dict[str, int], seed: int, weights: dict[str, Tensor] | None
) -> "JointModel":
    """Create the model and load its initial weights (under timm's names), if any."""
    torch.manual_seed(seed)
    model = create_model(
        experiment.model.name,
        num_classes,
        backbone=experiment.backbone.name,
        num_frames=experiment.num_frames,
        backbone_args=experiment.backbone.args,
        **experiment.model.model_dump(exclude={"name"}),
    )
    model.pixels = pixels_of(experiment)
    if weights is not None:
        log.info("initial weights: %s", load_tensors(model, weights))
    return model


def image_size(model: "JointModel") -> int:
    """The side of the square images that the backbone takes.

    Raises:
        UserError: they are not square.
    """
    backbone = model.backbone
    published = cast("dict[str, Any]", backbone.pretrained_cfg)
    size: tuple[int, int] = backbone.patch_embed.img_size or published["input_size"][-2:]
    if size[0] != size[1]:
        raise UserError(f"the backbone takes images of {size[0]} x {size[1]} pixels; supported are square ones")
    return size[0]
