"""What several commands share."""

import argparse
from collections.abc import Callable
from pathlib import Path

from ivvit.config import Config, DatasetOptions
from ivvit.ground.errors import Failure, UserError
from ivvit.ground.names import unknown
from ivvit.planning.environment import load_current


def add_config(parser: argparse.ArgumentParser) -> None:
    """The option that names configuration files."""
    parser.add_argument(
        "--config",
        "--configfile",
        nargs="+",
        metavar="FILE",
        help="configuration files, later ones win (config/config.yaml)",
    )


def add_key(parser: argparse.ArgumentParser, what: str) -> None:
    """The option by which a rule says what it planned, and the one it had before."""
    parser.add_argument("--key", help=f"the {what}'s key as it was planned; refused where it is another one by now")
    add_gone(parser)


def add_gone(parser: argparse.ArgumentParser) -> None:
    """The option --lock of earlier versions, to say what replaces it."""
    parser.add_argument("--lock", action=_Gone, help=argparse.SUPPRESS)


class _Gone(argparse.Action):
    def __call__(self, *_: object, **__: object) -> None:
        """Refuse the option."""
        raise UserError(
            "--lock is no more: locks lie at their keys (results/manifests/<data set>/<key>/...); leave it out"
        )


def check_key(now: str, planned: str | None, what: str) -> None:
    """Refuse a job that was planned for another key. Raises UserError."""
    if planned is not None and planned != now:
        raise Failure(
            f"{what}: files, options or code changed after this job was planned; start snakemake again: it plans with"
            " what is there now"
        )


def config_of(args: argparse.Namespace) -> Config:
    """The configuration that the options name."""
    return load_current(args.config)


def dataset_of(config: Config, name: str) -> DatasetOptions:
    """A data set's options. Raises UserError for an unknown name."""
    if name not in config.datasets:
        raise UserError(unknown("data set", name, config.datasets))
    return config.datasets[name]


def experiment_of(config: Config, name: str) -> str:
    """The name, if it is an experiment's. Raises UserError otherwise."""
    if name not in config.entries:
        raise UserError(unknown("experiment", name, config.entries))
    return name


def count(least: int = 1, most: int = 1_000_000) -> Callable[[str], int]:
    """A type for argparse: whole numbers of this range."""

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"must be a whole number from {least} to {most}, found {text!r}")
        return value

    return read


def relative(path: Path) -> str:
    """A path as people type it."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)
