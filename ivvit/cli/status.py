"""What is fresh, stale (and why), waiting for a check, running, failed or never run; changes nothing."""

import argparse
import json
from collections import Counter

from ivvit.cli.common import add_config, config_of
from ivvit.staleness.state import RunState, Status

COLORS = {
    "fresh": "green",
    "running": "cyan",
    "stale": "yellow",
    "failed": "red",
    "interrupted": "magenta",
    "pending": "blue",
}


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
    _table(states)


def _table(states: list[RunState]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table("experiment", "seed", "state", "why", box=None, header_style="bold", padding=(0, 2, 0, 0))
    for state in states:
        why = "; ".join(state.why)
        table.add_row(
            Text(state.experiment), str(state.seed), Text(state.state, COLORS.get(state.state, "")), Text(why)
        )
    console = Console()
    if states:
        console.print(table)
    counts = Counter(state.state for state in states)
    console.print(
        ", ".join(f"{count} {state}" for state, count in counts.items()) or "no training failed or was interrupted"
    )
