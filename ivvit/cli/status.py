"""What is fresh, stale (and why), waiting for a check, running, failed or never run; changes nothing."""

import argparse
import json
import os
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator

from ivvit.cli.common import add_config, config_of
from ivvit.ledger.status import RunState, Status

COLORS = {"fresh": 32, "running": 36, "stale": 33, "failed": 31, "interrupted": 35, "pending": 34}  # ANSI
_HEAD = ("experiment", "seed", "state", "why")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable")
    parser.add_argument("--failed", action="store_true", help="only what failed or was interrupted")


def run(args: argparse.Namespace) -> None:
    """Print the table."""
    states = Status(config_of(args)).runs()
    if args.failed:
        states = [state for state in states if state.state in ("failed", "interrupted")]
    if args.json:
        print(json.dumps([state.as_json() for state in states], indent=1))
        return
    terminal = os.get_terminal_size().columns if sys.stdout.isatty() else None
    print("\n".join(_lines(states, terminal)))


def _lines(states: list[RunState], terminal: int | None) -> Iterator[str]:
    """The table and the sum; on a terminal the reasons are wrapped and the states coloured."""
    rows = [(state.experiment, str(state.seed), state.state, "; ".join(state.texts)) for state in states]
    widths = [max(len(row[i]) for row in [_HEAD, *rows]) + 2 for i in range(3)]
    if rows:
        yield "".join(f"{name:<{width}}" for name, width in zip(_HEAD, [*widths, 0], strict=True))
    for name, seed, state, why in rows:
        shown = f"{state:<{widths[2]}}"
        if terminal is not None:
            shown = f"\x1b[{COLORS.get(state, 0)}m{shown}\x1b[0m"
            wide = max(20, terminal - sum(widths))
            why = f"\n{' ' * sum(widths)}".join(textwrap.wrap(why, wide, break_on_hyphens=False))
        yield f"{name:<{widths[0]}}{seed:<{widths[1]}}{shown}{why}".rstrip()
    counts = Counter(state.state for state in states)
    total = ", ".join(f"{count} {state}" for state, count in counts.items())
    yield total or "no training failed or was interrupted"
