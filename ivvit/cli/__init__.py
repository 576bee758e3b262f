"""The `ivvit` command. A command is a module of this package with EXAMPLES, `add(parser)` and `run(args)`."""

import argparse
import importlib
import os
import shutil
import sys
import textwrap
from types import ModuleType
from typing import Any, NoReturn, TextIO

from ivvit import __version__
from ivvit.ground.encoding import restart_in_utf8
from ivvit.ground.ending import leave
from ivvit.ground.errors import FAILURE, INTERRUPTED, OK, STOPPED, UserError
from ivvit.ground.files import told_by
from ivvit.ground.names import unknown
from ivvit.ground.ranks import rank
from ivvit.identity.locks import Pending

COMMANDS = {
    "init": "write a project for the data in a folder, or the demo",
    "doctor": "is everything there: Python, GPU, codecs, disk, data sets, weights, Slurm, trackers",
    "train": "train one run (the rule's job, an experiment by name, or one given by options)",
    "optuna": "search hyperparameters of an experiment given by options",
    "evaluate": "evaluate trained models, in any protocol, without training",
    "predict": "what a trained model sees in images and videos",
    "export": "a trained model as ONNX, torch.export, timm or safetensors, with a model card",
    "compare": "how two trained models differ, and the samples that only one gets right",
    "knn": "how good the features are on another data set, by nearest neighbours",
    "bundle": "pack what a paper's appendix needs into one file",
    "verify": "evaluate a bundle's models again, and compare sample by sample",
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
    "download": "fetch pretrained weights alone, as the authors' download.sh does",
    "weights": "fetch, verify and convert pretrained weights",
    "demo": "make the demo's data sets and weights",
    "study": "a study's worker, or its end",
    "comet": "upload archived Comet experiments",
    "completion": "a shell's completion of commands and options",
}
_STATUSES = """\
0 done; 1 something went wrong, which the last line names; 2 what was given cannot be right (an option, the
configuration, data, weights); 75 stopped and saved, goes on when started again; 130 interrupted by Ctrl-C. NO_COLOR
turns colours off."""


def entry() -> NoReturn:
    """The `ivvit` process: ends with the command's exit status, whatever became of its threads."""
    restart_in_utf8()
    sys.stdout, sys.stderr = sys.stdout or _nobody(), sys.stderr or _nobody()
    try:
        status = main()
    except SystemExit as end:  # argparse has said why
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = FAILURE
    leave(status)


def _nobody() -> TextIO:
    """Takes what is written, where who started us closed the stream."""
    return open(os.devnull, "w")


class Command(argparse.ArgumentParser):
    """A command's parser; the command's module is imported, and adds its options, when the command is given."""

    module: ModuleType | None = None

    def load(self) -> None:
        """Add the options."""
        if self.module is None:
            self.module = importlib.import_module(f"ivvit.cli.{self.prog.split()[-1]}")
            self.description, self.epilog = _filled(self.module.__doc__ or ""), f"examples:\n{self.module.EXAMPLES}"
            self.module.add(self)
            self.set_defaults(run=self.module.run)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """As of argparse."""
        self.load()
        return super().parse_known_args(args, namespace)


def _filled(text: str, indent: str = "") -> str:
    """The paragraphs of a text, wrapped to the terminal as argparse wraps the options (examples stay as written)."""
    width = max(40, shutil.get_terminal_size().columns - 2)
    paragraphs = [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]
    wrap = textwrap.TextWrapper(width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)
    return "\n\n".join(map(wrap.fill, paragraphs))


def make_parser() -> argparse.ArgumentParser:
    """The parser of `ivvit`; what follows a command is known to the Command, once it is loaded."""
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        "ivvit",
        description="Joint learning of images and videos with one ViT.",
        epilog=f"exit status:\n{_filled(_STATUSES, '  ')}",
        allow_abbrev=False,
        formatter_class=raw,
    )
    parser.add_argument("--version", action="version", version=f"ivvit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="command", required=True, parser_class=Command)
    for name, text in COMMANDS.items():
        commands.add_parser(name, help=text, allow_abbrev=False, formatter_class=raw)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the exit status (see ivvit.ground.errors; argparse's own is 2)."""
    argv = (sys.argv[1:] if argv is None else argv) or ["--help"]
    try:
        if not argv[0].startswith("-") and argv[0] not in COMMANDS:
            raise UserError(unknown("command", argv[0], COMMANDS))
        args = make_parser().parse_args(argv)
        status = args.run(args) or OK
        sys.stdout.flush()  # or nobody would hear that it is full
        return status
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
    except OSError as error:
        if (told := told_by(error)) is None:
            raise
        print(f"error: {told}", file=sys.stderr)
        return FAILURE
