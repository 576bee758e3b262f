"""Store a data set's videos as frames (all of them, one shard, or only check what is there)."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, add_key, check_key, config_of, count, dataset_of
from ivvit.ground.errors import UserError
from ivvit.identity.checks import Checks
from ivvit.identity.locks import Pending
from ivvit.planning.jobs import Jobs

EXAMPLES = """\
  ivvit extract UCF101 --workers 8
  ivvit extract UCF101 --shard 0 --shards 4  a quarter of it
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    add_key(parser, "lock")
    parser.add_argument("dataset")
    parser.add_argument("--shard", type=count(0), help="this part only, counted from 0")
    parser.add_argument("--shards", type=count(), default=1, help="number of parts (%(default)s)")
    parser.add_argument("--only-check", action="store_true", help="only check that all is there, and write the lock")
    parser.add_argument("--full", action="store_true", help="decode all that is there, and make what is damaged again")
    parser.add_argument("--workers", type=count(0), default=2, help="processes (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Extract, or check and lock, or both."""
    config = config_of(args)
    if not dataset_of(config, args.dataset).is_video:
        raise UserError(f"{args.dataset} is a data set of images; only videos have a frame store")
    if args.shard is not None and args.shard >= args.shards:
        raise UserError(f"--shard {args.shard}: parts are counted from 0 to {args.shards - 1} (--shards {args.shards})")
    checks = Jobs(config).checks
    if not args.only_check:
        part = (args.shard or 0, args.shards)
        extract_frames(checks, args.dataset, *part, key=args.key, workers=args.workers, full=args.full)
    if args.only_check or args.shard is None:
        lock_frames(checks, args.dataset, key=args.key)


def extract_frames(
    checks: Checks, name: str, shard: int = 0, shards: int = 1, *, key: str | None = None, workers: int = 2,
    full: bool = False,
) -> None:  # fmt: skip
    """Store a part of a data set's videos. Raises UserError if it is not validated, or `key` is not the lock's."""
    from ivvit.data.extraction.run import extract

    _lock(checks, name, key)
    options, root = checks.config.datasets[name], checks.config.root
    extract(name, options, root, checks.manifest(name), shard=shard, shards=shards, workers=workers, full=full)


def lock_frames(checks: Checks, name: str, *, key: str | None = None) -> None:
    """Check that the store is complete, and write its lock. Raises UserError as `extract_frames` does."""
    from ivvit.data.extraction.lock import lock_store

    lock = _lock(checks, name, key)
    lock_store(name, checks.config.datasets[name], checks.config.root, checks.manifest(name), lock)


def _lock(checks: Checks, name: str, key: str | None) -> Path:
    try:
        lock = checks.frames(name)
    except Pending:
        raise UserError(
            f"{name} is not validated as it is now; start `snakemake`, or `ivvit validate {name}`"
        ) from None
    check_key(lock.stem, key, f"frames of {name}")
    return lock
