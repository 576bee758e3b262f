"""Make the demo's data sets and weights under root_path, in the official formats."""

import argparse
from pathlib import Path

from ivvit.cli.common import add_config, config_of
from ivvit.ground.errors import UserError
from ivvit.planning.jobs import Jobs
from ivvit.planning.records import record


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--lock", type=Path, metavar="FILE", help="written when all is there")


def run(args: argparse.Namespace) -> None:
    """Write the data that `demo:` names."""
    from ivvit.demo.data import write_demo_data
    from ivvit.demo.motion import write_motion_data
    from ivvit.demo.weights import write_demo_weights

    config = config_of(args)
    options = config.file.demo
    if options is None:
        raise UserError(f"{config.source}: has no demo: section, so its data is not made but expected at {config.root}")
    jobs = Jobs(config)
    key = jobs.keys.demo()
    write = {"joint": write_demo_data, "motion": write_motion_data}[options.data]
    write(config.root, seed=options.seed)
    weights = config.root / "pretrained_weight" / "demo" / "demo_vit.pth"
    write_demo_weights(weights, seed=options.seed)
    print(f"made the demo's data sets and weights in {config.root}")
    if args.lock:
        args.lock.write_text(f"{options.data} {options.seed}\n")
        record(jobs.paths, args.lock, key)
