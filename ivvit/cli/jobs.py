"""From a name or an identity to a training job."""

import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ivvit.config import Config, EvaluationOptions, Experiment, RuntimeOptions
from ivvit.ground.errors import UserError
from ivvit.identity.identity import Identities, Identity
from ivvit.identity.locks import Pending
from ivvit.identity.paths import Paths


def identity_of(identities: Identities, name: str) -> Identity:
    """An experiment's identity. Raises UserError that says which checks must be done first."""
    try:
        return identities.experiment(name)
    except Pending as pending:
        raise UserError(
            f"{name}: not yet known: {pending}; start `snakemake`, or `ivvit validate`, `extract` and `weights` by hand"
        ) from None


def train_job(config: Config, name: str, identity: Identity, seed: int, experiment: Experiment) -> Any:
    """The job of one run of an experiment, in the folder that its identity names."""
    paths = Paths(config.results)
    provenance = {"identity": identity.digest, "parts": identity.parts, "command": command_line()}
    runtime = config.entries[name].runtime
    weights = weights_of(config, experiment, seed)
    return make_job(config, experiment, seed, paths.run(identity.digest, seed), weights, runtime, provenance, name)


def make_job(
    config: Config,
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

    paths = Paths(config.results)
    return TrainJob(
        experiment=experiment,
        seed=seed,
        folder=folder,
        root=config.root,
        manifests={dataset: paths.manifest(dataset) for dataset in experiment.data},
        weights=weights,
        runtime=runtime,
        provenance={**provenance, "configuration": config.source, "root_path": str(config.root)},
        name=name,
    )


def evaluation_job(
    config: Config,
    model: Path,
    folder: Path,
    heads: Mapping[str, str | None],
    options: EvaluationOptions,
    runtime: RuntimeOptions,
    name: str,
) -> Any:
    """An EvaluationJob on data sets of the configuration; a head without a name is that of the data set's own name."""
    from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob

    paths = Paths(config.results)
    datasets = (
        EvaluatedDataset(dataset, config.datasets[dataset], paths.manifest(dataset), head or dataset)
        for dataset, head in heads.items()
    )
    return EvaluationJob(model, folder, config.root, tuple(datasets), options, runtime, name)


def weights_of(config: Config, experiment: Experiment, seed: int) -> Path | None:
    """The lock of pretrained weights, or the model of the run that this one starts from."""
    paths = Paths(config.results)
    if experiment.pretrain == "none":
        return None
    if experiment.pretrain.startswith("experiment:"):
        parent = identity_of(Identities(config), experiment.pretrain.removeprefix("experiment:"))
        model = paths.run(parent.digest, seed) / "model.safetensors"
        if not model.is_file():
            raise UserError(f"{experiment.pretrain} with seed {seed} has no model yet ({model}); train it first")
        return model
    return paths.weights(experiment.pretrain)


def link_run(paths: Paths, name: str, seed: int, identity: str) -> None:
    """Let `experiments/<name>/seed<k>` point to the run, atomically."""
    link, target = paths.link(name, seed), paths.run(identity, seed)
    link.parent.mkdir(parents=True, exist_ok=True)
    relative = Path("..", "..", target.relative_to(paths.results))
    if link.is_symlink() and link.readlink() == relative:
        return
    if link.exists() and not link.is_symlink():
        raise UserError(f"{link} is not a link; move it away, its place belongs to the current run")
    partial = link.with_name(f".{link.name}.new")
    partial.unlink(missing_ok=True)
    partial.symlink_to(relative)
    partial.replace(link)


def command_line() -> str:
    """The command of this process, as one would type it."""
    return shlex.join(["ivvit", *sys.argv[1:]])
