"""What a run leaves: experiment.yaml when it starts, its model when it is finished."""

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml
from torch import Tensor

from ivvit.config.experiment import Experiment
from ivvit.ground.files import write_text
from ivvit.ground.seal import seal
from ivvit.numerics.finite import Diverged
from ivvit.numerics.training import Training
from ivvit.runs.best import model_copy
from ivvit.runs.checkpoint import keep_newest
from ivvit.runs.job import TrainJob
from ivvit.runs.model_file import NAME, ModelCard, encode, head_cards, write_model


def write_experiment(folder: Path, experiment: Experiment, seed: int) -> None:
    """The resolved experiment."""
    content = {"seed": seed, **experiment.model_dump(mode="json")}
    write_text(folder / "experiment.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def result_of(
    job: TrainJob, training: Training, best: dict[str, Any] | None, substitutes: dict[str, int]
) -> tuple[dict[str, Tensor], ModelCard]:
    """The weights that count after the last iteration, and what the model's file is to say.

    Args:
        job: what was trained.
        training: at its end.
        best: the state of `ivvit.runs.best.Best`.
        substitutes: training samples replaced by others, by data set.

    Raises:
        Diverged: a weight is not finite.
    """
    with training.trainer.result_weights():
        tensors = (best and best["model"]) or model_copy(training.trainer.model)
    if broken := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        raise Diverged(
            f"{job.name}: after the last iteration, {len(broken)} of the model's {len(tensors)} tensors are "
            f"not finite, such as {broken[0]}; a lower learning rate, grad_clip or precision: fp32 may help"
        )
    experiment, model = job.experiment, job.experiment.model
    classes = {name: data.samples.classes for name, data in training.data.items()}
    return tensors, ModelCard(
        model=model.name, options=model.model_dump(mode="json", exclude={"name"}),
        backbone=experiment.backbone.name, backbone_args=experiment.backbone.args,
        num_frames=experiment.num_frames, img_size=training.img_size,
        heads=head_cards(experiment, classes, training.img_size), precision=experiment.precision,
        identity=job.provenance.get("identity"), seed=job.seed, iterations=training.total,
        kept_iteration=best["iteration"] if best else training.total, skipped_steps=training.trainer.skipped,
        substitutes=substitutes, validation=best["metrics"] if best else None, pixels=training.trainer.model.pixels,
    )  # fmt: skip


def write_result(folder: Path, tensors: dict[str, Tensor], card: ModelCard, made: Callable[[str], None]) -> None:
    """The model's file, last of all: its existence means finished. `made` hears its SHA-256 before."""
    content = encode(tensors, card)
    made(sha256(content).hexdigest())
    seal(folder, ("history.csv", "experiment.yaml"), {NAME: content})
    write_model(folder, content)
    # brings the model back: Snakemake removes it before a job that was queued when it was not there
    keep_newest(folder / "state", 1)
