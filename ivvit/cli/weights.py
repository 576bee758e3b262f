"""Fetch, verify and convert pretrained weights."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of
from ivvit.planning.jobs import Jobs
from ivvit.planning.records import record


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument(
        "name", help="Kinetics400, ImageNet-21k, ..., timm:<tag>, file:<path>, or a name under weights:"
    )
    parser.add_argument("--lock", type=Path, metavar="FILE", help="the lock to write (results/weights/<name>.json)")


def run(args: argparse.Namespace) -> None:
    """Fetch the weights."""
    from ivvit.weights.fetch import fetch

    config = config_of(args)
    jobs = Jobs(config)
    lock = args.lock or jobs.paths.weights(args.name)
    key = jobs.keys.weights(args.name)
    fetch(args.name, root=config.root, lock=lock, sources=config.sources)
    record(jobs.paths, lock, key)
