"""Upload the archives that runs without a network (or a key) made for Comet."""

import argparse
from pathlib import Path

EXAMPLES = """\
  ivvit comet upload
  ivvit comet upload results/runs
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("action", choices=["upload"])
    parser.add_argument("folder", nargs="?", type=Path, default=Path("results"), help="by default results/")


def run(args: argparse.Namespace) -> None:
    """Upload."""
    from ivvit.tracking import upload

    for archive in upload(args.folder):
        print(f"uploaded {archive}")
