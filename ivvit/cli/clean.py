"""List superseded runs and studies with their sizes; --yes removes them."""

import argparse

from ivvit.cli.common import add_config, config_of, relative
from ivvit.ledger.superseded import Leftover, leftovers, remove

EXAMPLES = """\
  ivvit clean                                what is superseded, and how large it is
  ivvit clean --yes
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--yes", action="store_true", help="remove what is superseded")
    parser.add_argument("--all", action="store_true", help="with --yes: also what may belong to other configurations")


def run(args: argparse.Namespace) -> None:
    """List, or remove."""
    found = leftovers(config_of(args))
    ours, others = [one for one in found if one.ours], [one for one in found if not one.ours]
    _handle(ours, args.yes, "add --yes to do that")
    if others:
        print("\nbelonging to no experiment of this configuration (another configuration's, or renamed):")
        _handle(others, args.yes and args.all, "add --yes --all to do that")


def _handle(found: list[Leftover], yes: bool, how: str) -> None:
    for leftover in (one for one in found if one.held):
        print(
            f"left as it is: {relative(leftover.folder)}: {leftover.held}; if that process has ended, remove its lock"
        )
    found = [leftover for leftover in found if not leftover.held]
    for leftover in found:
        print(f"{leftover.size / 1e6:10.1f} MB  {relative(leftover.folder)}  {leftover.what}")
        if yes:
            remove(leftover)
    total = sum(leftover.size for leftover in found) / 1e6
    if not found:
        print("nothing is superseded")
    elif yes:
        print(f"removed {len(found)} folders, {total:.1f} MB")
    else:
        print(f"{len(found)} folders, {total:.1f} MB; nothing was removed: {how}")
