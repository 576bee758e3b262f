"""Check every file of a data set and write its manifest, a lock and a report."""

import argparse
import json
from pathlib import Path

from ivvit.cli.common import add_config, config_of, count, dataset_of
from ivvit.ledger.manifests import keep
from ivvit.planning.jobs import Jobs
from ivvit.planning.records import record


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("dataset", nargs="*", help="data sets; by default all that experiments use")
    parser.add_argument(
        "--lock", type=Path, metavar="FILE", help="the lock to write (results/manifests/<data set>.json)"
    )
    parser.add_argument("--workers", type=count(0), default=2, help="processes (%(default)s)")
    parser.add_argument("--full", action="store_true", help="hash every file again, changed or not")


def run(args: argparse.Namespace) -> None:
    """Validate the data sets."""
    from ivvit.data.validation.run import validate

    config = config_of(args)
    jobs = Jobs(config)
    used = {name: None for entry in config.entries for name in config.experiment(entry).data}
    for name in args.dataset or used:
        lock = args.lock or jobs.paths.manifest(name)
        options, key = dataset_of(config, name), jobs.keys.validation(name)
        validate(name, options, config.root, lock, workers=args.workers, full=args.full)
        keep(lock, json.loads(lock.read_text())["digest"])
        record(jobs.paths, lock, key)
