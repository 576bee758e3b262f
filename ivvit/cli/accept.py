"""Declare that a superseded result is still valid, say after a refactoring; --undo reverts that."""

import argparse

from ivvit.cli.common import add_config, config_of, experiment_of
from ivvit.cli.jobs import identity_of, link_run
from ivvit.config import Config
from ivvit.ground.errors import UserError
from ivvit.ledger.acceptance import accept, undo
from ivvit.ledger.past import PastRun
from ivvit.ledger.status import Status

EXAMPLES = """\
  ivvit accept msca --why "renamed a variable"
  ivvit accept msca --undo
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiment")
    parser.add_argument("--why", help="the reason, which the tables show")
    parser.add_argument("--undo", action="store_true", help="revert the acceptance")
    parser.add_argument("--anyway", action="store_true", help="even if more than code has changed")


def run(args: argparse.Namespace) -> None:
    """Accept, or undo it."""
    config = config_of(args)
    name = experiment_of(config, args.experiment)
    status = Status(config)
    identity = identity_of(status.identities, name)
    evaluation = status.identities.evaluation(name).digest
    if args.undo:
        for seed, earlier in undo(status.paths, name, identity).items():
            run = PastRun(status.paths.run(earlier, seed), earlier, seed)
            link_run(status.paths, name, seed, earlier, run.evaluation or evaluation)
            print(f"{name}, seed {seed}: stale again")
        return
    if not args.why:
        raise UserError("say why the earlier result is still valid: --why 'renamed a variable'")
    runs = _earlier(config, status, name)
    found = {reason.text: reason for run in runs.values() for reason in status.reasons(run, identity)}
    differences = [found[text] for text in sorted(found)]
    if any(reason.kind != "code" for reason in differences) and not args.anyway:
        changed = "\n  ".join(reason.text for reason in differences)
        raise UserError(
            f"{name}: more than code has changed since:\n  {changed}\nadd --anyway if it is valid all the same"
        )
    accept(status.paths, name, identity, runs, args.why, differences)
    for seed, accepted in runs.items():
        link_run(status.paths, name, seed, identity.digest, evaluation)
        print(f"{name}, seed {seed}: the run of {accepted.ended[:16]} is accepted as today's; --undo reverts that")


def _earlier(config: Config, status: Status, name: str) -> dict[int, PastRun]:
    found = {}
    for seed in config.entries[name].seeds:
        state = status.run(name, seed)
        if state.state in ("fresh", "trained"):
            continue
        if state.state == "pending":
            raise UserError(f"{name}, seed {seed}: {'; '.join(state.texts)}; start snakemake first")
        if (earlier := status.earlier(name, seed)) is None:
            raise UserError(f"{name}, seed {seed}: has no earlier run that could be accepted")
        found[seed] = earlier
    if not found:
        raise UserError(f"{name}: is fresh; there is nothing to accept")
    return found
