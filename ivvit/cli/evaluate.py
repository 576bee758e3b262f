"""Evaluate trained models: an experiment by name, a run's folder, a model's file wherever it lies, or the rule's job.

Prints a table and writes nothing into the results, unless --out names a folder.
"""

import argparse
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ivvit.cli.common import add_config, config_of, count, dataset_of, relative
from ivvit.cli.jobs import evaluation_job, identity_of
from ivvit.cli.launch import launch, spreads
from ivvit.cli.planned import load_planned, remember_launched
from ivvit.config import EvaluationOptions, Experiment, RuntimeOptions
from ivvit.ground.errors import Failure, UserError
from ivvit.ground.names import unknown
from ivvit.identity.identity import Identities
from ivvit.planning.jobs import Jobs, require_identity

if TYPE_CHECKING:
    from ivvit.runs.evaluation_job import EvaluationMetrics

MODEL = "model.safetensors"

EXAMPLES = """\
  ivvit evaluate msca                        all trained seeds, on test, as configured
  ivvit evaluate msca --clips 10 --crops 3   in another protocol
  ivvit evaluate results/experiments/msca/seed0/model.safetensors --dataset UCF101 --split val
  ivvit evaluate msca --dataset my-clips --head UCF101 --classes names.yaml
"""


@dataclass(frozen=True)
class _Target:
    """A model to evaluate."""

    label: str
    file: Path
    options: EvaluationOptions
    runtime: RuntimeOptions
    experiment: Experiment | None = None
    """None for a model that is only a file."""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("what", nargs="?", help="an experiment, a folder with one run or its seeds, a file")
    parser.add_argument("--seed", type=count(0, 2**63 - 1), help="of an experiment (by default all that are trained)")
    parser.add_argument("--split", choices=["test", "val", "train"], help="what to evaluate on (test)")
    parser.add_argument("--clips", type=count(), help="clips per video")
    parser.add_argument("--crops", type=count(), help="crops per clip or image (1 or 3)")
    parser.add_argument("--knn", type=count(), metavar="K", help="have K nearest training samples vote as well")
    parser.add_argument("--batch-size", type=count(), help="samples at a time")
    parser.add_argument("--dataset", nargs="+", metavar="NAME", help="data sets of the configuration (the model's)")
    parser.add_argument("--head", help="the head to use for them (the one of the same name)")
    parser.add_argument(
        "--classes", type=Path, metavar="FILE", help="YAML: a data set's class -> the head's name of it"
    )
    parser.add_argument("--out", type=Path, help="keep metrics.json and predictions.parquet in this folder")
    parser.add_argument("--identity", help="the rule's job: the run's identity")
    parser.add_argument("--evaluation", help="the rule's job: the evaluation's identity")


def run(args: argparse.Namespace) -> int:
    """Evaluate; returns the exit status."""
    jobs = Jobs(config_of(args))
    if args.identity is not None:
        return _planned(jobs, args)
    if args.what is None:
        raise UserError("name an experiment, a run's folder or a model's file")
    targets = _targets(jobs.identities, args)
    if spreads(targets[0].runtime):
        return launch(targets[0].runtime, sys.argv[1:])
    from ivvit.study.team import is_main, process_group

    with process_group():
        found = {target.label: _evaluate(jobs.identities, args, target, len(targets)) for target in targets}
    if is_main():
        print(table(found))
    return 0


def evaluate_today(identities: Identities, name: str, seed: int) -> "EvaluationMetrics":
    """Today's evaluation of an experiment's run, in its place among the results."""
    from ivvit.runs.evaluate import evaluate_run

    run, evaluation = identity_of(identities, name).digest, identities.evaluation(name).digest
    experiment, paths = identities.resolved(name), identities.paths
    model = paths.run(run, seed) / MODEL
    if not model.is_file():
        raise UserError(f"{name}, seed {seed}: is not trained yet ({relative(model)}); `ivvit train {name}` does")
    return evaluate_run(
        evaluation_job(
            identities, model, paths.evaluation(run, seed, evaluation), dict.fromkeys(experiment.data),
            experiment.evaluation, identities.config.entries[name].runtime, f"{name}, seed {seed}",
            experiment=experiment,
        )
    )  # fmt: skip


def table(found: dict[str, "EvaluationMetrics"]) -> str:
    """The numbers of several models as text."""
    from ivvit.results.evaluations import evaluations_table

    return evaluations_table(found)


def _planned(jobs: Jobs, args: argparse.Namespace) -> int:
    """The rule's job."""
    name, identities = require_identity(jobs, args.identity), jobs.identities
    identity = identities.evaluation(name)
    if identity.digest != args.evaluation:
        raise Failure(
            f"{name} has the evaluation {identity.digest} now, not {args.evaluation}: code, configuration or data "
            "changed after this job was planned; nothing was evaluated. Start snakemake again"
        )
    seed, runtime = args.seed or 0, jobs.config.entries[name].runtime
    if spreads(runtime):
        remember_launched(identity)
        return launch(runtime, sys.argv[1:])
    load_planned(identity, runtime.workers)
    evaluate_today(identities, name, seed)
    return 0


def _evaluate(identities: Identities, args: argparse.Namespace, target: _Target, count: int) -> "EvaluationMetrics":
    from ivvit.runs.evaluate import evaluate_run
    from ivvit.runs.model_file import read_card

    own = target.experiment.data if target.experiment else read_card(target.file).heads
    names = args.dataset or list(own)
    heads, renamed = {name: args.head or name for name in names}, _renamed(args.classes, names)
    for name in names:
        dataset_of(identities.config, name)
    with ExitStack() as stack:
        if args.out is None:
            folder = Path(_shared(stack.enter_context(TemporaryDirectory(prefix="ivvit-evaluation-"))))
        else:
            folder = args.out if count == 1 else args.out / target.label
        job = evaluation_job(
            identities,
            target.file,
            folder,
            heads,
            target.options,
            target.runtime,
            target.label,
            renamed,
            target.experiment,
        )
        return evaluate_run(job)


def _renamed(file: Path | None, datasets: list[str]) -> dict[str, str]:
    """The mapping of a file.

    Raises:
        UserError: it is not readable, not a mapping of names to names, or there are several data sets.
    """
    import yaml

    if file is None:
        return {}
    if len(datasets) != 1:
        raise UserError(f"--classes {file} is for one data set ({', '.join(datasets)} are asked for); add --dataset")
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"--classes {file} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for pair in content.items() for name in pair):
        raise UserError(f"--classes {file} must be a mapping of names to names, such as `Punch: punching person`")
    return content


def _shared(folder: str) -> str:
    """The leading process's, which all of them are to use."""
    from ivvit.study.team import broadcast

    return broadcast(folder)


def _targets(identities: Identities, args: argparse.Namespace) -> list[_Target]:
    config = identities.config
    path = Path(args.what).expanduser()
    if args.what in config.entries:
        return _experiment(identities, args)
    if path.is_file():
        files = [path]
    elif (path / MODEL).is_file():
        files = [path / MODEL]
    else:
        files = sorted(path.glob(f"seed*/{MODEL}"), key=lambda file: int(file.parent.name.removeprefix("seed") or 0))
    if not files:
        raise UserError(f"{unknown('experiment', args.what, config.entries)}; nor is it a folder with {MODEL}")
    options = _options(EvaluationOptions(), args)
    return [_Target(_label(file), file, options, config.file.runtime) for file in files]


def _label(file: Path) -> str:
    """What to call a file: a run's by its folders."""
    place = file.absolute()
    return "-".join(place.parts[-3:-1]) if place.name == MODEL else place.stem


def _experiment(identities: Identities, args: argparse.Namespace) -> list[_Target]:
    name, config = args.what, identities.config
    entry, run, experiment = config.entries[name], identity_of(identities, name).digest, identities.resolved(name)
    options = _options(experiment.evaluation, args)
    seeds = entry.seeds if args.seed is None else (args.seed,)
    found = [
        _Target(f"{name}-seed{seed}", file, options, entry.runtime, experiment)
        for seed in seeds
        if (file := identities.paths.run(run, seed) / MODEL).is_file()
    ]
    if not found:
        raise UserError(f"{name}: none of its seeds ({', '.join(map(str, seeds))}) is trained yet; start `snakemake`")
    return found


def _options(options: EvaluationOptions, args: argparse.Namespace) -> EvaluationOptions:
    """The options with those of the command line on top.

    Raises:
        UserError: one of them is not possible.
    """
    from pydantic import ValidationError

    given: dict[str, Any] = {
        key: value for key in EvaluationOptions.model_fields if (value := getattr(args, key)) is not None
    }
    try:
        return EvaluationOptions.model_validate(options.model_dump() | given)
    except ValidationError as error:
        first = error.errors()[0]
        raise UserError(f"--{str(first['loc'][0]).replace('_', '-')} {first['input']}: {first['msg']}") from None
