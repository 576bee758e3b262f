"""List superseded runs and studies with their sizes; --yes removes them."""

import argparse

from ivvit.cli.common import add_config, config_of, relative
from ivvit.staleness.superseded import leftovers, remove


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--yes", action="store_true", help="remove what is listed")


def run(args: argparse.Namespace) -> None:
    """List, or remove."""
    found = leftovers(config_of(args))
    for leftover in found:
        print(f"{leftover.size / 1e6:10.1f} MB  {relative(leftover.folder)}  {leftover.what}")
        if args.yes:
            remove(leftover)
    total = sum(leftover.size for leftover in found) / 1e6
    if not found:
        print("nothing is superseded")
    elif args.yes:
        print(f"removed {len(found)} folders, {total:.1f} MB")
    else:
        print(f"{len(found)} folders, {total:.1f} MB; nothing was removed: add --yes to do that")
