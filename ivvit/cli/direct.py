"""An experiment given by options, as in the paper's code: no configuration file, the same machinery."""

import argparse
from typing import Any

from ivvit.cli.common import count
from ivvit.cli.extract import extract_frames, lock_frames
from ivvit.cli.seed import MODELS, PRETRAIN, UseComet, add_seed, choose_device, places, translated
from ivvit.cli.validate import validate_one
from ivvit.cli.weights import fetch_weights
from ivvit.config import Config
from ivvit.ground.errors import UserError
from ivvit.identity.entries import TRAINING
from ivvit.planning.jobs import Jobs

NAME = "command-line"


def add_direct(parser: argparse.ArgumentParser, mode: str) -> None:
    """The options of the authors' code; `mode` is what they call the command."""
    group = parser.add_argument_group("without a configuration file")
    group.add_argument("-i", "--iterations", "--iteration", type=count(1, 10**9), help="iterations (14000)")
    group.add_argument("-dn", "--dataset_names", nargs="+", metavar="NAME", help="data sets")
    group.add_argument(
        "-bsl", "--batch_size_list", nargs="+", type=count(), metavar="N", help="their batch sizes, in order"
    )
    group.add_argument("--model", help="IV-ViT, TokenShift, MSCA or polyvit")
    group.add_argument("--pretrain", help="Kinetics400, ImageNet-21k, ImageNet-1k, polyvit, none, ...")
    group.add_argument("--root_path", help="the folder with datasets/ and pretrained_weight/")
    group.add_argument("--results", default="results", help="where results go (%(default)s)")
    group.add_argument("--workers", "--num_workers", type=count(0), help="processes per data set")
    group.add_argument("--set", nargs="+", default=[], metavar="KEY=VALUE", help="further keys, e.g. optimizer.lr=1e-4")
    group.add_argument("--use-comet", "--use_comet", action=UseComet, default=False, help="track with Comet")
    add_seed(parser, mode)


def direct_config(args: argparse.Namespace, extra: dict[str, Any] | None = None) -> Config:
    """The configuration that the options describe.

    Raises:
        UserError: an option is missing, or there is not one batch size for each data set.
    """
    from ivvit.config.files import read_assignment
    from ivvit.config.merge import set_key

    if not args.dataset_names:
        raise UserError("name an experiment of the configuration, or give -dn, -bsl, --model and --root_path")
    sizes = args.batch_size_list or []
    if len(sizes) != len(args.dataset_names):
        raise UserError(
            f"-bsl has {len(sizes)} batch sizes ({sizes}) for {len(args.dataset_names)} data sets"
            f" ({', '.join(args.dataset_names)}); give one for each, in the same order"
        )
    if len(set(args.dataset_names)) < len(args.dataset_names):
        raise UserError(f"-dn names a data set twice ({', '.join(args.dataset_names)}); name each once")
    model, pretrain = MODELS.get(args.model, args.model), PRETRAIN.get(args.pretrain, args.pretrain)
    given = {"iterations": args.iterations, "model": model, "pretrain": pretrain}
    experiment: dict[str, Any] = {key: value for key, value in given.items() if value is not None}
    experiment["datasets"] = {n: {"batch_size": b} for n, b in zip(args.dataset_names, sizes, strict=True)}
    for key, value in translated(args):
        experiment = set_key(experiment, key, value)
    for item in args.set:
        experiment = set_key(experiment, *read_assignment(item, "--set"))
    raw: dict[str, Any] = {
        "experiments": {name_of(args): experiment},
        "results": {"path": args.results},
        **(extra or {}),
    }
    raw["runtime"] = {"comet": args.use_comet, **choose_device(args.cuda)}
    raw["runtime"] |= {} if args.workers is None else {"workers": args.workers}
    raw["weights"] = places(args)
    if args.root_path:
        raw["root_path"] = args.root_path
    return Config(raw, "the command line")


def prepare(args: argparse.Namespace) -> tuple[Jobs, str]:
    """The jobs of the configuration, after its data sets and weights have been made ready."""
    return make_ready(direct_config(args), name_of(args)), name_of(args)


def name_of(args: argparse.Namespace) -> str:
    """The name of the experiment that the options describe."""
    return args.ex_name or NAME


def make_ready(config: Config, name: str) -> Jobs:
    """Do the checks that an experiment needs and that are due, as the workflow's rules would."""
    jobs = Jobs(config)
    checks, experiment = jobs.checks, config.experiment(name)
    # Read before the checks below import some of it: see ivvit.cli.planned.
    jobs.identities.modules(TRAINING, (experiment.model.name,))
    for dataset, options in experiment.data.items():
        if not checks.locks.is_sound(checks.manifest(dataset)):
            validate_one(checks, dataset)
        if options.uses_store and not checks.locks.is_sound(checks.frames(dataset)):
            extract_frames(checks, dataset)
            lock_frames(checks, dataset)
    pretrain = experiment.pretrain
    fetched = pretrain == "none" or pretrain.startswith("experiment:")
    if not fetched and not checks.locks.is_sound(checks.weights(pretrain)):
        fetch_weights(checks, pretrain)
    return jobs
