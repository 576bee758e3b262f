"""Fetch, verify and convert pretrained weights."""

import argparse

from ivvit.cli.common import add_config, add_key, check_key, config_of, relative
from ivvit.identity.checks import Checks
from ivvit.planning.jobs import Jobs

EXAMPLES = """\
  ivvit weights ImageNet-1k
  ivvit weights timm:vit_tiny_patch16_224.augreg_in21k
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    add_key(parser, "lock")
    parser.add_argument(
        "name", help="Kinetics400, ImageNet-21k, ..., timm:<tag>, file:<path>, or a name under weights:"
    )


def run(args: argparse.Namespace) -> None:
    """Fetch the weights."""
    fetch_weights(Jobs(config_of(args)).checks, args.name, key=args.key)


def fetch_weights(checks: Checks, name: str, *, key: str | None = None) -> None:
    """Fetch weights into their lock of today. Raises UserError if it is not the one with the key `key`."""
    from ivvit.weights.fetch import fetch

    lock = checks.weights(name)
    check_key(lock.stem, key, f"weights {name}")
    fetch(name, root=checks.config.root, lock=lock, sources=checks.config.sources)
    print(f"weights {name}: {relative(lock)}")
