"""From a name or an identity to a training job."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ivvit.config import EvaluationOptions, Experiment, RuntimeOptions
from ivvit.config.splits import holdout_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import replace_link
from ivvit.identity.identity import Identities, Identity
from ivvit.identity.locks import Pending
from ivvit.identity.paths import Paths

RUN_FILES = ("model.safetensors", "history.csv", "experiment.yaml", "provenance.json", "train.log")
EVALUATION_FILES = ("metrics.json", "predictions.parquet")
EVENTS = "tensorboard"


def identity_of(identities: Identities, name: str) -> Identity:
    """An experiment's identity. Raises UserError that says which checks must be done first."""
    try:
        return identities.experiment(name)
    except Pending as pending:
        raise UserError(
            f"{name}: not yet known: {pending}; start `snakemake`, or `ivvit validate`, `extract` and `weights` by hand"
        ) from None


def train_job(identities: Identities, name: str, identity: Identity, seed: int) -> Any:
    """The job of one run of an experiment, in the folder that its identity names."""
    config, paths, experiment = identities.config, identities.paths, identities.trainable(name)
    provenance = {"identity": identity.digest, "parts": identity.parts, "command": command_line()}
    runtime = config.entries[name].runtime
    weights = weights_of(identities, experiment, seed)
    return make_job(identities, experiment, seed, paths.run(identity.digest, seed), weights, runtime, provenance, name)


def make_job(
    identities: Identities,
    experiment: Experiment,
    seed: int,
    folder: Path,
    weights: Path | None,
    runtime: RuntimeOptions,
    provenance: dict[str, Any],
    name: str,
) -> Any:
    """A TrainJob; torch is imported here and not before."""
    from ivvit.runs.job import TrainJob

    config, checks = identities.config, identities.checks
    return TrainJob(
        experiment=experiment,
        seed=seed,
        folder=folder,
        root=config.root,
        manifests={dataset: checks.manifest(dataset) for dataset in experiment.data},
        weights=weights,
        runtime=runtime,
        provenance={**provenance, "configuration": config.source, "root_path": str(config.root)},
        name=name,
    )


def evaluation_job(
    identities: Identities,
    model: Path,
    folder: Path,
    heads: Mapping[str, str | None],
    options: EvaluationOptions,
    runtime: RuntimeOptions,
    name: str,
    renamed: Mapping[str, str] | None = None,
    experiment: Experiment | None = None,
) -> Any:
    """An EvaluationJob on data sets of the configuration; a head without a name is that of the data set's own name.

    `renamed`: what the head calls classes of the data set, where names differ; `experiment`: the one that trained the
    model, where that is known, for what it held out as val.
    """
    from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob

    config, checks = identities.config, identities.checks
    datasets = (
        EvaluatedDataset(
            dataset,
            config.datasets[dataset],
            checks.manifest(dataset),
            head or dataset,
            dict(renamed or {}),
            holdout_of(experiment, dataset)
            if experiment and dataset in experiment.data
            else config.datasets[dataset].holdout,
        )
        for dataset, head in heads.items()
    )
    return EvaluationJob(model, folder, config.root, tuple(datasets), options, runtime, name)


def weights_of(identities: Identities, experiment: Experiment, seed: int) -> Path | None:
    """The lock of pretrained weights, or the model of the run that this one starts from."""
    if experiment.pretrain == "none":
        return None
    if experiment.pretrain.startswith("experiment:"):
        parent = identity_of(identities, experiment.pretrain.removeprefix("experiment:"))
        model = identities.paths.run(parent.digest, seed) / "model.safetensors"
        if not model.is_file():
            raise UserError(f"{experiment.pretrain} with seed {seed} has no model yet ({model}); train it first")
        return model
    return identities.checks.weights(experiment.pretrain)


def link_run(paths: Paths, name: str, seed: int, identity: str, evaluation: str, *, tensorboard: bool = False) -> None:
    """Let the folder `experiments/<name>/seed<k>` hold links to the run's files, and to those of its evaluation.

    `tensorboard`: to its events too, so that they have the experiment's name; those that are there are linked anyway.
    """
    folder = paths.links(name, seed)
    if folder.is_symlink():  # of an earlier version, to the run's folder
        folder.unlink()
    for file in RUN_FILES:
        replace_link(folder / file, paths.run(identity, seed) / file)
    for file in EVALUATION_FILES:
        replace_link(folder / file, paths.evaluation(identity, seed, evaluation) / file)
    board, events = folder / EVENTS, paths.run(identity, seed) / EVENTS
    if tensorboard or events.is_dir():
        replace_link(board, events)
    elif board.is_symlink():  # an earlier run's
        board.unlink()


def command_line() -> str:
    """The command of this process, as one would type it."""
    return shlex.join(["ivvit", *sys.argv[1:]])
