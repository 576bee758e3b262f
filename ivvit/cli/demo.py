"""Generate the demo's data sets and weights under root_path, in the official formats."""

import argparse

from ivvit.cli.common import add_config, add_gone, config_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_json
from ivvit.planning.jobs import Jobs

EXAMPLES = """\
  ivvit demo
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    add_gone(parser)


def run(args: argparse.Namespace) -> None:
    """Write the data that `demo:` names."""
    from ivvit.demo.data import write_demo_data
    from ivvit.demo.motion import write_motion_data
    from ivvit.demo.weights import write_demo_weights

    config = config_of(args)
    options, made = config.file.demo, Jobs(config).checks.demo
    if options is None or made is None:
        raise UserError(f"{config.source}: no demo: section; the data is expected at {config.root}, not generated")
    write = {"joint": write_demo_data, "motion": write_motion_data}[options.data]
    write(config.root, seed=options.seed)
    write_demo_weights(config.root / "pretrained_weight" / "demo" / "demo_vit.pth", seed=options.seed)
    made.parent.mkdir(parents=True, exist_ok=True)
    write_json(made, options.model_dump())
    print(f"generated the demo's data sets and weights in {config.root}")
