"""The `ivvit` command. A command is a module of this package with `add(parser)` and `run(args)`."""

import argparse
import importlib
import sys
from types import ModuleType
from typing import Any, NoReturn

from ivvit import __version__
from ivvit.ground.ending import leave
from ivvit.ground.errors import FAILURE, INTERRUPTED, OK, STOPPED, UserError
from ivvit.ground.names import unknown
from ivvit.ground.ranks import rank
from ivvit.identity.locks import Pending

COMMANDS = {
    "init": "write a project for the data in a folder, or the demo",
    "doctor": "is everything there: Python, GPU, codecs, disk, data sets, weights, Slurm, Comet",
    "train": "train one run (the rule's job, an experiment by name, or one given by options)",
    "optuna": "search hyperparameters of an experiment given by options",
    "evaluate": "evaluate trained models, in any protocol, without training",
    "status": "what is fresh, stale (and why), running, failed",
    "why": "all reasons why an experiment is stale, or what a change would make stale",
    "show": "draw the exact training batch of a step",
    "plan": "what would run, and an estimate of hours, time and disk",
    "accept": "declare that a superseded result is still valid",
    "history": "an experiment's earlier results, and what changed",
    "clean": "list superseded results; --yes removes them",
    "results": "the table of results, and where everything lies",
    "tables": "write tables and figures of the current runs, and the links to them",
    "validate": "check a data set and write its manifest",
    "extract": "turn videos into the frame store",
    "weights": "fetch, verify and convert pretrained weights",
    "demo": "make the demo's data sets and weights",
    "study": "a study's worker, or its end",
    "comet": "upload archived Comet experiments",
}


def entry() -> NoReturn:
    """The `ivvit` process: ends with the command's exit status, whatever became of its threads."""
    try:
        status = main()
    except SystemExit as end:  # argparse has said why
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = FAILURE
    leave(status)


class _Command(argparse.ArgumentParser):
    """A command's parser; the command's module is imported, and adds its options, when the command is given."""

    module: ModuleType

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:  # type: ignore[override]
        """As of argparse."""
        self.module = importlib.import_module(f"ivvit.cli.{self.prog.split()[-1]}")
        self.description = self.module.__doc__
        self.module.add(self)
        self.set_defaults(run=self.module.run)
        return super().parse_known_args(args, namespace)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "ivvit", description="Joint learning of images and videos with one ViT.", allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"ivvit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True, parser_class=_Command)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, allow_abbrev=False)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit status (see ivvit.ground.errors; argparse's own is 2)."""
    argv = (sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        if not argv[0].startswith("-") and argv[0] not in COMMANDS:
            raise UserError(unknown("command", argv[0], COMMANDS))
        args = _parser().parse_args(argv)
        return args.run(args) or OK
    except UserError as error:
        if error.exit_code != STOPPED or rank() == 0:  # a run's processes stop together; one says so
            print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    except Pending as pending:
        print(f"error: this must be made first: {pending}; start `snakemake`", file=sys.stderr)
        return FAILURE
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; nothing more to say
        return FAILURE
