"""Claim a data set's videos into the frame store (all of them, one shard, or only check and lock)."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of, count, dataset_of
from ivvit.planning.jobs import Jobs
from ivvit.planning.records import record


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("dataset")
    parser.add_argument("--shard", type=count(0), help="only this part")
    parser.add_argument("--shards", type=count(), default=1, help="of so many (%(default)s)")
    parser.add_argument("--lock", type=Path, metavar="FILE", help="only check that all is there and write this lock")
    parser.add_argument("--workers", type=count(0), default=2, help="processes (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Extract, or check and lock, or both."""
    from ivvit.data.extraction.lock import lock_store
    from ivvit.data.extraction.run import extract

    config = config_of(args)
    options, jobs = dataset_of(config, args.dataset), Jobs(config)
    paths = jobs.paths
    manifest, key = paths.manifest(args.dataset), jobs.extraction_key(args.dataset)
    if args.lock is None:
        shard, shards = args.shard or 0, args.shards
        extract(args.dataset, options, config.root, manifest, shard=shard, shards=shards, workers=args.workers)
    if args.lock is not None or args.shard is None:
        lock = args.lock or paths.frames(args.dataset)
        lock_store(args.dataset, options, config.root, manifest, lock)
        record(paths, lock, key)
