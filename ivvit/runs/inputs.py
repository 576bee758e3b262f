"""What a run reads before it begins: manifests, samples and initial weights."""

import json
import logging
from pathlib import Path
from typing import Any

from torch import Tensor

from ivvit.config.datasets import DatasetOptions, HoldoutOptions
from ivvit.config.recipe import RecipeOptions
from ivvit.data.manifest import read_lock
from ivvit.data.open import open_samples
from ivvit.evaluation.views import EvalData, make_eval_data
from ivvit.ground.errors import UserError
from ivvit.numerics.holdout import hold_out
from ivvit.numerics.pixels import PAPER, Pixels
from ivvit.numerics.samples import Samples
from ivvit.numerics.train_data import TrainData, make_train_data
from ivvit.runs.job import TrainJob
from ivvit.runs.model_file import read_card, read_tensors
from ivvit.weights import load_converted
from ivvit.weights.notes import notes

log = logging.getLogger("ivvit")


def data_digests(job: TrainJob) -> dict[str, dict[str, str]]:
    """The digests of the splits of each data set that the run looks at."""
    splits = ("train", "val") if job.validates else ("train",)
    return {name: {split: _lock(job, name)["digests"][split] for split in splits} for name in job.experiment.data}


def samples_of(job: TrainJob, split: str) -> dict[str, Samples]:
    """The samples of a split of each data set; of val, of those that have one.

    Raises:
        UserError: a manifest or frame store is missing, or train is empty.
    """
    return {
        name: open_samples(name, options, job.root, _path(job, name), split)
        for name, options in job.experiment.data.items()
        if split != "val" or _lock(job, name)["counts"]["val"]
    }


def open_train(
    name: str, options: DatasetOptions, root: Path, manifest: Path, *, img_size: int, num_frames: int, seed: int,
    holdout: HoldoutOptions | None = None, recipe: RecipeOptions | None = None, pixels: Pixels = PAPER,
) -> TrainData:  # fmt: skip
    """The training batches of one data set, as a run of this seed sees them; `holdout` is that of its `validation`.

    Raises:
        UserError: the manifest or the frame store is missing, or the split is empty.
    """
    samples = open_samples(name, options, root, manifest, "train")
    chosen = options.holdout or holdout
    if chosen is not None and not read_lock(manifest)["counts"]["val"]:
        samples, _ = hold_out(samples, chosen, "holdout")
    return make_train_data(
        samples, options, img_size=img_size, num_frames=num_frames, seed=seed, recipe=recipe, pixels=pixels
    )


def open_eval(
    name: str, options: DatasetOptions, root: Path, manifest: Path, *, img_size: int, num_frames: int,
    split: str = "test", clips: int = 1, crops: int = 1, interpolation: str = "bilinear",
) -> EvalData:  # fmt: skip
    """A split of one data set with the views of an evaluation.

    Raises:
        UserError: the manifest or the frame store is missing, or the split is empty.
    """
    samples = open_samples(name, options, root, manifest, split)
    return make_eval_data(
        samples, options, img_size=img_size, num_frames=num_frames, clips=clips, crops=crops,
        interpolation=interpolation,
    )  # fmt: skip


def initial_weights(job: TrainJob) -> dict[str, Tensor] | None:
    """The tensors that the model starts from, under timm's names; None where it starts from random ones.

    Raises:
        UserError: converted weights, or another run's model, are damaged.
    """
    if job.weights is None:
        return None
    if job.weights.suffix != ".json":
        read_card(job.weights)  # refuses what is no model of ours
        return read_tensors(job.weights)
    tensors = load_converted(job.weights, job.root)
    for note in notes(job.experiment, json.loads(job.weights.read_text())):
        log.warning("%s: %s", job.name, note)
    return tensors


def _path(job: TrainJob, dataset: str) -> Path:
    path = job.manifests.get(dataset)
    if path is None or not Path(path).is_file():
        raise UserError(f"the manifest of {dataset} is missing ({path}); make it with `ivvit validate`")
    return Path(path)


def _lock(job: TrainJob, dataset: str) -> dict[str, Any]:
    return read_lock(_path(job, dataset))
