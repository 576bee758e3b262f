"""Train one run: an experiment by name, the rule's job by identity, or one given by options as in the paper's code."""

import argparse
import sys

from ivvit.cli.common import add_config, config_of, count, experiment_of
from ivvit.cli.direct import add_direct, prepare
from ivvit.cli.extension import go_on
from ivvit.cli.jobs import identity_of, link_run, train_job
from ivvit.cli.launch import launch, spreads
from ivvit.config import Config
from ivvit.ground.errors import UserError
from ivvit.identity.identity import Identities
from ivvit.planning.jobs import Jobs, require_identity


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("experiment", nargs="?", help="an experiment of the configuration")
    parser.add_argument("--identity", help="the run's identity; refused where no experiment has it any more")
    parser.add_argument("--seed", type=count(0, 2**63 - 1), help="by default the experiment's first")
    add_direct(parser)


def run(args: argparse.Namespace) -> int:
    """Train; returns the exit status."""
    if args.experiment is None and args.identity is None:
        config, name = prepare(args)
    else:
        config = config_of(args)
        jobs = Jobs(config)
        name = require_identity(jobs, args.identity) if args.identity else experiment_of(config, args.experiment)
    return train_one(config, name, config.entries[name].seeds[0] if args.seed is None else args.seed)


def train_one(config: Config, name: str, seed: int) -> int:
    """Train an experiment with one seed; what is finished already is not trained again."""
    identities = Identities(config)
    identity = identity_of(identities, name)
    for other, entry in config.entries.items():
        if seed in entry.seeds and _same(identities, other, identity.digest):
            link_run(identities.paths, other, seed, identity.digest)
    job = train_job(config, name, identity, seed, identities.resolved(name))
    go_on(identities.paths, identity, job)
    runtime = config.entries[name].runtime
    if spreads(runtime):
        return launch(runtime, sys.argv[1:])
    from ivvit.runs.run import train
    from ivvit.tracking import open_tracking

    train(job, tracking=open_tracking)
    return 0


def _same(identities: Identities, name: str, digest: str) -> bool:
    try:
        return identity_of(identities, name).digest == digest
    except UserError:
        return False
