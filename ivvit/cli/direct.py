"""An experiment given by options, as in the paper's code: no configuration file, the same machinery."""

import argparse
from typing import Any

from ivvit.cli.common import count
from ivvit.cli.extract import extract_frames, lock_frames
from ivvit.cli.seed import MODELS, PRETRAIN, UseComet, add_seed, choose_device, places, translated
from ivvit.cli.validate import validate_one
from ivvit.cli.weights import fetch_weights
from ivvit.config import Config, load_config
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
        swallowed = "; the experiment's name goes before options that take several values" if args.set else ""
        raise UserError(
            f"name an experiment of the configuration, or give -dn, -bsl, --model and --root_path{swallowed}"
        )
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
        **_own(args.config),
        "experiments": {name_of(args): experiment},
        "results": {"path": args.results},
        **(extra or {}),
    }
    raw["runtime"] = {"comet": args.use_comet, **choose_device(args.cuda)}
    raw["runtime"] |= {} if args.workers is None else {"workers": args.workers}
    raw["weights"] = {**(raw.get("weights") or {}), **places(args)}
    if args.root_path:
        raw["root_path"] = args.root_path
    return Config(raw, "the command line")


def _own(files: list[str] | None) -> dict[str, Any]:
    """Data sets and weights of one's own, where a configuration is named beside the options."""
    raw = load_config(*files).raw if files else {}
    return {key: raw[key] for key in ("root_path", "frames_path", "datasets", "weights") if key in raw}


def check_named(args: argparse.Namespace, name: str) -> None:
    """Refuse options of an experiment without a configuration beside the name of one that has its own.

    Raises:
        UserError: one is given.
    """
    given = {
        "-i": args.iterations, "-dn": args.dataset_names, "-bsl": args.batch_size_list, "--model": args.model,
        "--pretrain": args.pretrain, "--root_path": args.root_path, "--workers": args.workers, "--set": args.set,
        "--ex_name": args.ex_name, "--weight_decay": args.weight_decay, "--sche_list": args.sche_list,
    }  # fmt: skip
    wrong = [option for option, value in given.items() if value not in (None, [])]
    if wrong:
        raise UserError(
            f"{', '.join(wrong)} would do nothing: {name} is an experiment of the configuration, which has its "
            f"settings; change them there (an experiment that `extends: {name}`), or leave the name out"
        )


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
