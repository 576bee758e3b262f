"""Say whether all is there (Python, GPU, codecs, disk, data, weights, Slurm, trackers), and what to do if it is not."""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict

from ivvit.cli.common import add_config, config_of
from ivvit.cli.terminal import painted, wants_colour
from ivvit.config import Config
from ivvit.config.load import DEFAULT
from ivvit.doctor import machine, project, services
from ivvit.doctor.finding import Finding
from ivvit.ground.errors import UserError

EXAMPLES = """\
  ivvit doctor
  ivvit doctor --config config/paper.yaml
  ivvit doctor --json | jq '.[] | select(.state == "wrong")'
"""
_COLOURS = {"ok": "green", "note": "yellow", "wrong": "red"}


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--json", action="store_true", help="machine-readable")


def run(args: argparse.Namespace) -> int:
    """Print what was found; the status is 1 if anything is wrong."""
    findings = list(_findings(args))
    if args.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        for finding in findings:
            state = f"{finding.state:<6}"
            shown = painted(state, _COLOURS[finding.state]) if wants_colour() else state
            print(f"{shown}{finding.topic:<14} {finding.text}")
            if finding.remedy:
                print(f"{'':<21}-> {finding.remedy}")
    return 1 if any(finding.state == "wrong" for finding in findings) else 0


def _findings(args: argparse.Namespace) -> Iterator[Finding]:
    try:
        config = config_of(args)
    except UserError as error:
        yield from machine.python()
        yield from machine.codecs()
        absent = not (args.config or DEFAULT.exists())
        remedy = "`ivvit init` writes one" if absent else "mend it there; docs/configuration.md lists all keys"
        yield Finding("configuration", "wrong", str(error), remedy)
        return
    yield from machine.python()
    yield from _computing(config)
    yield from machine.disk({"results.path": config.results, "root_path": config.root})
    yield from project.experiments(config)
    yield from project.data_sets(config)
    yield from project.weights(config)
    yield from services.slurm()
    runtimes = [entry.runtime for entry in config.entries.values()]
    yield from services.comet(any(runtime.comet for runtime in runtimes))
    yield from services.tensorboard(any(runtime.tensorboard for runtime in runtimes))
    yield from services.wandb(any(runtime.wandb for runtime in runtimes))


def _computing(config: Config) -> Iterator[Finding]:
    runtimes = [entry.runtime for entry in config.entries.values()]
    yield from machine.gpu(max((runtime.gpus for runtime in runtimes), default=0))
    yield from machine.codecs()
    yield from machine.shared_memory(max((runtime.workers for runtime in runtimes), default=0))
