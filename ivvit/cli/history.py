"""All finished runs of an experiment, the latest first, with their metrics and what changed between them."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of
from ivvit.ground.errors import UserError
from ivvit.ground.names import did_you_mean
from ivvit.identity.paths import Paths
from ivvit.ledger.manifests import difference
from ivvit.ledger.past import PastRun, linked_run, named_runs
from ivvit.ledger.reasons import reasons

EXAMPLES = """\
  ivvit history msca
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiment", help="its name, also if it is no longer configured")


def run(args: argparse.Namespace) -> None:
    """Print them."""
    config = config_of(args)
    paths = Paths(config.results)
    runs = [run for (name, _), runs in named_runs(paths).items() if name == args.experiment for run in runs]
    folders = paths.links(args.experiment, 0).parent.glob("seed*")
    seeds = [int(folder.name.removeprefix("seed")) for folder in folders]
    linked = [run for seed in seeds if (run := linked_run(paths, args.experiment, seed)) is not None]
    shown = {run.folder for run in linked}
    runs += [run for run in linked if run.folder not in {other.folder for other in runs}]  # trained under another name
    if not runs:
        hint = did_you_mean(args.experiment, config.entries) if args.experiment not in config.entries else ""
        raise UserError(f"{args.experiment}: has no finished run in {paths.results}. {hint}".rstrip())
    runs.sort(key=lambda run: run.ended, reverse=True)
    for seed in sorted({run.seed for run in runs}):
        _print([run for run in runs if run.seed == seed], shown, paths)


def _print(runs: list[PastRun], shown: set[Path], paths: Paths) -> None:
    for run, before in zip(runs, [*runs[1:], None], strict=True):
        datasets = run.metrics().get("datasets", {})
        numbers = ", ".join(f"{name} {values['top1']:.4f}" for name, values in datasets.items())
        commit = (run.provenance.get("git") or {}).get("commit") or "no commit"
        mark = "  (shown in the tables)" if run.folder in shown else ""
        print(f"seed {run.seed}  {run.ended[:16]}  {commit[:8]}  run {run.identity[:8]}  {numbers}{mark}")
        if before is not None:
            for reason in reasons(before.parts, run.parts, lambda *asked: difference(paths, *asked)):
                print(f"    since the one before: {reason.text}")
