"""Check every file of a data set and write its manifest and a report."""

import argparse
import shlex
from pathlib import Path

from ivvit.cli.common import add_config, add_key, check_key, config_of, count, dataset_of, relative
from ivvit.ground.errors import FAILURE, OK, Failure
from ivvit.ground.files import replace_link
from ivvit.identity.checks import Checks
from ivvit.identity.paths import Paths
from ivvit.ledger.damage import damaged_results
from ivvit.planning.jobs import Jobs

EXAMPLES = """\
  ivvit validate                             all data sets that experiments use
  ivvit validate UCF101 --full --workers 8   every file read again
  ivvit validate --results                   are finished results what was written
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    add_key(parser, "manifest")
    parser.add_argument("dataset", nargs="*", help="data sets; by default all that experiments use")
    parser.add_argument("--workers", type=count(0), default=2, help="processes (%(default)s)")
    parser.add_argument("--full", action="store_true", help="hash every file again, changed or not")
    parser.add_argument("--results", action="store_true", help="check the checksums of all finished results instead")


def run(args: argparse.Namespace) -> int:
    """Validate the data sets, or the results; returns the exit status."""
    config = config_of(args)
    if args.results:
        return _check_results(Paths(config.results))
    jobs = Jobs(config)
    for name in args.dataset or jobs.datasets:
        dataset_of(config, name)
        validate_one(jobs.checks, name, key=args.key, workers=args.workers, full=args.full)
    return OK


def _check_results(paths: Paths) -> int:
    damaged: dict[Path, list[str]] = {}
    for folder, text in damaged_results(paths):
        damaged.setdefault(folder, []).append(text)
    for folder, texts in damaged.items():
        print(f"{relative(folder)}: {'; '.join(texts)}")
    if not damaged:
        print("all finished results are as they were written")
        return OK
    folders = shlex.join(relative(folder) for folder in damaged)
    print(f"put their files back, or remove them, and the next start of snakemake makes them again:\n  rm -r {folders}")
    return FAILURE


def validate_one(checks: Checks, name: str, *, key: str | None = None, workers: int = 2, full: bool = False) -> None:
    """Validate a data set as its files are now.

    Args:
        checks: tells where the manifest lies.
        name: the data set.
        key: the manifest's key, where it was planned; any other is refused.
        workers: files that are opened at the same time.
        full: open all files again.

    Raises:
        UserError: files changed since the job was planned, or while it looked; or whatever is wrong with the data.
    """
    from ivvit.data.validation.run import validate

    config, options, paths = checks.config, checks.config.datasets[name], checks.paths
    now = checks.manifest_key(name, checks.listings.now(options, config.root))
    check_key(now, key, name)
    lock = paths.manifest(name, now)
    _take_over(paths, name)
    try:
        validate(name, options, config.root, lock, cache=paths.findings(name), workers=workers, full=full)
    finally:
        if lock.with_suffix(".md").is_file():
            replace_link(paths.report(name), lock.with_suffix(".md"))
    if checks.manifest_key(name, checks.listings.now(options, config.root)) != now:
        lock.unlink()
        raise Failure(f"{name}: files changed while they were validated; when they are complete, start again")
    print(f"{name}: {relative(paths.report(name))}")


def _take_over(paths: Paths, name: str) -> None:
    """An earlier version's findings spare opening all files again; its report makes room for a link."""
    old, report = paths.results / "manifests" / f"{name}.cache.jsonl", paths.report(name)
    if old.is_file() and not paths.findings(name).exists():
        paths.findings(name).parent.mkdir(parents=True, exist_ok=True)
        old.replace(paths.findings(name))
    if report.is_file() and not report.is_symlink():
        report.unlink()
