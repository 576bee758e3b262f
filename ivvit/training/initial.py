"""The model at iteration 0: a function of the experiment, the seed and the initial weights."""

import json
import logging
from pathlib import Path

import torch
from torch import nn

from ivvit.errors import UserError
from ivvit.models import create_model
from ivvit.training.job import TrainJob
from ivvit.weights import load_converted, load_weights, read_state_dict

log = logging.getLogger("ivvit.training")


def initial_model(job: TrainJob, with_weights: bool = True) -> nn.Module:
    """Create the model and load its initial weights, if any and if wanted."""
    experiment = job.experiment
    torch.manual_seed(job.seed)
    model = create_model(
        experiment.model.name,
        {name: _locked(job, name)["classes"] for name in experiment.data},
        backbone=experiment.backbone.name,
        num_frames=experiment.num_frames,
        backbone_args=experiment.backbone.args,
        **experiment.model.model_dump(exclude={"name"}),
    )
    if job.weights is not None and with_weights:
        converted = job.weights.suffix == ".json"
        tensors = load_converted(job.weights, job.root) if converted else read_state_dict(job.weights)
        log.info("initial weights %s: %s", job.weights, load_weights(model, tensors))
    return model


def image_size(model: nn.Module) -> int:
    """The side of the square images that the backbone takes.

    Raises:
        UserError: they are not square.
    """
    backbone = model.backbone
    size = backbone.patch_embed.img_size or backbone.pretrained_cfg["input_size"][-2:]
    if size[0] != size[1]:
        raise UserError(f"the backbone takes images of {size[0]} x {size[1]} pixels; supported are square ones")
    return size[0]


def data_digests(job: TrainJob) -> dict[str, str]:
    """The digest of each data set's manifest."""
    return {name: _locked(job, name)["digest"] for name in job.experiment.data}


def _locked(job: TrainJob, dataset: str) -> dict:
    """A manifest's lock."""
    path = job.manifests.get(dataset)
    if path is None or not Path(path).is_file():
        raise UserError(f"the manifest of {dataset} is missing ({path}); make it with `ivvit validate`")
    return json.loads(Path(path).read_text(encoding="utf-8"))
