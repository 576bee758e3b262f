"""Floor 5: the `ivvit` command. A command is a file with `add(parser)` and `run(args)`."""

import argparse
import importlib
import os
import sys
from typing import NoReturn

from ivvit import __version__
from ivvit.config.explain import unknown
from ivvit.ground.ending import leave
from ivvit.ground.errors import UserError
from ivvit.identity.locks import Pending

COMMANDS = {
    "train": "train one run (the rule's job, an experiment by name, or one given by options)",
    "optuna": "search hyperparameters of an experiment given by options",
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
        status = 1
    leave(status)


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit status (0, 1 for an error the user can mend, 75 to be started again)."""
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser("ivvit", description="Joint learning of images and videos with one ViT.")
    parser.add_argument("--version", action="version", version=f"ivvit {__version__}")
    lines = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    parser.epilog, parser.formatter_class = f"commands:\n{lines}", argparse.RawDescriptionHelpFormatter
    parser.add_argument("command", metavar="command")
    known = parser.parse_args(argv[:1] or ["--help"])
    try:
        if known.command not in COMMANDS:
            raise UserError(unknown("command", known.command, COMMANDS))
        module = importlib.import_module(f"ivvit.cli.{known.command}")
        inner = argparse.ArgumentParser(f"ivvit {known.command}", description=module.__doc__)
        module.add(inner)
        return module.run(inner.parse_args(argv[1:])) or 0
    except UserError as error:
        code = getattr(error, "exit_code", 1)
        if code != 75 or os.environ.get("RANK", "0") == "0":  # a run's processes stop together; one says so
            print(f"error: {error}", file=sys.stderr)
        return code
    except Pending as pending:
        print(f"error: this must be made first: {pending}; start `snakemake`", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        sys.stderr.close()  # the reader has gone; nothing more to say
        return 1
