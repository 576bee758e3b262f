"""How a command ends that was given something bad: its status, one message, no traceback, nothing half-written."""

import contextlib
import io
import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from ivvit.cli import main
from ivvit.ground.files import TEMPORARY

LONGEST_SECONDS = 60


@dataclass(frozen=True)
class Outcome:
    """What a command said."""

    status: int
    out: str
    err: str

    @property
    def message(self) -> str:
        """The last lines that begin with an error, argparse's usage aside."""
        place = self.err.rfind("error: ")
        return self.err[place:] if place >= 0 else ""


def run(*arguments: str) -> Outcome:
    """Run a command in this process, in the current folder."""
    out, err = io.StringIO(), io.StringIO()
    environment = dict(os.environ)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = main(list(arguments))
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
        finally:
            os.environ.clear()
            os.environ.update(environment)
    return Outcome(status, out.getvalue(), err.getvalue())


def refused(arguments: list[str], status: int, words: str) -> Outcome:
    """Run a command that must end with this status and one message that holds these words, and leave nothing behind."""
    start = time.monotonic()
    found = run(*arguments)
    text = found.out + found.err
    assert found.status == status, text
    assert words in found.message, text
    assert "Traceback" not in text and text.count("error: ") == 1, text
    assert time.monotonic() - start < LONGEST_SECONDS  # far more than it takes: they took forever
    assert not list(Path().rglob(f".*{TEMPORARY}"))
    return found


def share(cases: dict, of: int) -> list:
    """All cases by name; but for one of each `of`, they are slow."""
    return [pytest.param(name, marks=() if number % of == 0 else pytest.mark.slow) for number, name in enumerate(cases)]
