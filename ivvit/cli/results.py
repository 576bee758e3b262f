"""The table of results, and where everything lies."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of, relative
from ivvit.identity.paths import Paths

EXAMPLES = """\
  ivvit results
  ivvit results --config config/paper.yaml
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--all", action="store_true", help="further metrics and cost as well")


def run(args: argparse.Namespace) -> None:
    """Print the table and the paths."""
    from ivvit.results.terminal import format_tables

    paths = Paths(config_of(args).results)
    print(format_tables(Path(relative(paths.tables)), all_tables=args.all))
    print()
    for what, path in {
        "tables": paths.tables,
        "figures": paths.figures,
        "runs": paths.results / "experiments",
        "studies": paths.results / "studies",
        "data sets": paths.results / "manifests",
        "report": paths.page,
        "logs": paths.results.parent / "logs",
    }.items():
        if path.exists():
            print(f"{what + ':':<10} {relative(path)}")
