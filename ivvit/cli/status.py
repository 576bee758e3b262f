"""What is fresh, stale (and why), waiting for a check, running, failed or never run; changes nothing."""

import argparse
import json
import shutil
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator

from ivvit.cli.common import add_config, config_of
from ivvit.cli.terminal import painted, wants_colour
from ivvit.ledger.status import RunState, Status

COLOURS = {
    "fresh": "green",
    "trained": "cyan",
    "running": "cyan",
    "stale": "yellow",
    "damaged": "red",
    "failed": "red",
    "interrupted": "magenta",
    "silent": "magenta",
    "pending": "blue",
}
_HEAD = ("experiment", "seed", "state", "why")

EXAMPLES = """\
  ivvit status
  ivvit status --failed --config config/paper.yaml
  ivvit status --json
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--failed", action="store_true", help="only what failed or was interrupted")


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    states = Status(config_of(args)).runs()
    if args.failed:
        states = [state for state in states if state.state in ("failed", "interrupted", "silent", "damaged")]
    if args.json:
        print(json.dumps([state.as_json() for state in states], indent=1))
        return
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(table_lines(states, width, colour=wants_colour())))


def table_lines(states: list[RunState], width: int | None, *, colour: bool) -> Iterator[str]:
    """The table and its totals; reasons are wrapped to the width of a terminal, if there is one.

    Laid out by hand: rich takes more than a second for 3,000 rows, and this command must answer within one.
    """
    rows = [(state.experiment, str(state.seed), state.state, "; ".join(state.texts)) for state in states]
    widths = [max(len(row[i]) for row in [_HEAD, *rows]) + 2 for i in range(3)]
    if rows:
        yield "".join(f"{name:<{size}}" for name, size in zip(_HEAD, [*widths, 0], strict=True))
    for name, seed, state, why in rows:
        shown = f"{state:<{widths[2]}}"
        if colour and state in COLOURS:
            shown = painted(shown, COLOURS[state])
        if width is not None:
            wide = max(20, width - sum(widths))
            why = f"\n{' ' * sum(widths)}".join(textwrap.wrap(why, wide, break_on_hyphens=False))
        yield f"{name:<{widths[0]}}{seed:<{widths[1]}}{shown}{why}".rstrip()
    counts = Counter(state.state for state in states)
    total = ", ".join(f"{count} {state}" for state, count in counts.items())
    yield total or "of the trainings, none failed or was interrupted"
