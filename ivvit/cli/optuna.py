"""Search hyperparameters of an experiment given by options, with the paper's search space, as in the paper's code."""

import argparse

from ivvit.cli.common import count, relative
from ivvit.cli.direct import NAME, add_direct, direct_config, make_ready
from ivvit.cli.study import finish_all

STUDY = "command-line"
# The paper's code: optimiser, learning rate, weight decay and schedule.
SPACE = {
    "optimizer.name": ["SGD", "Adam", "AdamW"],
    "optimizer.lr": {"low": 1e-6, "high": 1e-2, "log": True},
    "optimizer.weight_decay": {"low": 5e-6, "high": 5e-4, "log": True},
    "lr_schedule.name": ["MultiStepLR", "cosine"],
}


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_direct(parser)
    parser.add_argument("--n-trials", type=count(), default=20, help="total number of trials (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Run the study; when started again, it continues."""
    study = {"base": NAME, "n_trials": args.n_trials, "space": SPACE}
    config = direct_config(args, {"studies": {STUDY: study}})
    best = finish_all(make_ready(config, NAME).identities, STUDY)
    print(best.read_text().rstrip())
    print(f"best parameters: {relative(best)}")
