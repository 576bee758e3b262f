"""Search hyperparameters of an experiment given by options, with the paper's search space, as in the paper's code."""

import argparse

from ivvit.cli.common import add_config, count, relative
from ivvit.cli.direct import add_direct, direct_config, make_ready, name_of
from ivvit.cli.study import finish_all

STUDY = "command-line"
# The paper's code: optimiser, learning rate, weight decay and schedule.
SPACE = {
    "optimizer.name": ["SGD", "Adam", "AdamW"],
    "optimizer.lr": {"low": 1e-6, "high": 1e-2, "log": True},
    "optimizer.weight_decay": {"low": 5e-6, "high": 5e-4, "log": True},
    "lr_schedule.name": ["MultiStepLR", "cosine"],
}

EXAMPLES = """\
  ivvit optuna -i 1000 -bsl 4 -dn UCF101 --model IV-ViT --pretrain Kinetics400 --root_path ~/data_root/ --n-trials 20
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    add_direct(parser, "optuna")
    parser.add_argument("--n-trials", "--n_trials", type=count(), default=20, help="trials in all (%(default)s)")


def run(args: argparse.Namespace) -> None:
    """Run the study; when started again, it continues."""
    name = name_of(args)
    study = {"base": name, "n_trials": args.n_trials, "space": SPACE}
    config = direct_config(args, {"studies": {STUDY: study}})
    best = finish_all(make_ready(config, name).identities, STUDY)
    print(best.read_text().rstrip())
    print(f"best parameters: {relative(best)}")
