"""Why an experiment is stale, in full; or, with --if, what a change would make stale."""

import argparse

from ivvit.cli.common import add_config, config_of, experiment_of
from ivvit.config import Config
from ivvit.config.files import read_assignment
from ivvit.config.merge import set_key
from ivvit.identity.identity import Identities
from ivvit.identity.locks import Pending
from ivvit.ledger.due import LastChecks, due_checks
from ivvit.ledger.reasons import reasons
from ivvit.ledger.status import Status
from ivvit.planning.jobs import Jobs

EXAMPLES = """\
  ivvit why msca                             why it is stale
  ivvit why --if optimizer.lr=3e-5           what would become stale
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiment", nargs="?", help="an experiment; by default all")
    parser.add_argument("--if", dest="change", nargs="+", metavar="KEY=VALUE", help="e.g. optimizer.lr=3e-5")


def run(args: argparse.Namespace) -> None:
    """Print the reasons."""
    config = config_of(args)
    names = [experiment_of(config, args.experiment)] if args.experiment else list(config.entries)
    if args.change:
        _would(config, names, args.change)
        return
    status = Status(config)
    for name in names:
        for seed in config.entries[name].seeds:
            state = status.run(name, seed)
            print(f"{name}, seed {seed}: {state.state}")
            for line in state.texts:
                print(f"  {line}")


def _would(config: Config, names: list[str], changes: list[str]) -> None:
    changed = with_changes(config, names, changes)
    jobs = Jobs(config)
    for check in due_checks(jobs).values():
        print(f"note: {check.text}, which may make more stale")
    checks, stale = LastChecks.of(jobs.checks), 0
    before = Identities(config, checks)
    after = Identities(changed, LastChecks(changed, checks.code, checks.listings, checks.locks))
    for name in config.entries:
        try:
            old, new = before.experiment(name), after.experiment(name)
        except Pending as pending:
            print(f"{name}: not known, waits for {pending}")
            continue
        if old.digest != new.digest:
            stale += 1
            print(f"{name} would become stale")
            for line in reasons(old.parts, new.parts):
                print(f"  {line.text}")
    print(f"{stale} of {len(config.entries)} experiments would become stale")


def with_changes(config: Config, names: list[str], changes: list[str]) -> Config:
    """The configuration with keys of some experiments changed. Raises UserError for a change that is not possible."""
    raw = config.raw
    experiments = dict(raw.get("experiments") or {})
    for change in changes:
        key, value = read_assignment(change, "--if")
        for name in names:
            if name in experiments:  # experiments of a grid follow the one they extend
                experiments[name] = set_key(experiments[name] or {}, key, value)
    return Config({**raw, "experiments": experiments}, f"{config.source} with {' '.join(changes)}")
