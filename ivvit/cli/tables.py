"""Write tables and figures of the current runs, and the links by which people find them."""

import argparse
import json
from pathlib import Path

from ivvit.cli.common import add_config, config_of, relative
from ivvit.cli.jobs import link_run
from ivvit.config import Config
from ivvit.ground.errors import UserError
from ivvit.identity.identity import Identities
from ivvit.identity.locks import Pending
from ivvit.identity.paths import Paths


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)


def run(args: argparse.Namespace) -> None:
    """Write what is there; say what is missing."""
    from ivvit.results.figures import write_figure
    from ivvit.results.tables import write_tables

    config = config_of(args)
    paths = Identities(config).paths
    runs = current_runs(config)
    if not any(run.finished for run in runs):
        raise UserError("no experiment has a finished run yet; start `snakemake`")
    write_tables(runs, paths.tables, metric=config.file.results.metric)
    write_figure(runs, paths.figures)
    print(f"tables in {relative(paths.tables)}, figures in {relative(paths.figures)}")


def current_runs(config: Config) -> list:
    """The runs with today's identities, in the configuration's order; the links of finished ones are renewed."""
    from ivvit.results.runs import RunRef

    identities = Identities(config)
    paths, found = identities.paths, []
    for name, entry in config.entries.items():
        try:
            identity = identities.experiment(name).digest
        except Pending as pending:
            print(f"{name}: left out, waits for {pending}")
            continue
        for seed in entry.seeds:
            folder = paths.run(identity, seed)
            evaluation = paths.evaluation(identity, seed, identities.evaluation(name).digest)
            if not (evaluation / "metrics.json").is_file():
                print(f"{name}, seed {seed}: not finished")
                found.append(RunRef(name, seed, folder, evaluation))
                continue
            link_run(paths, name, seed, identity)
            found.append(RunRef(name, seed, folder, evaluation, accepted=_accepted(paths.accepted(identity))))
    _drop_old_links(config, paths)
    return found


def _accepted(record: Path) -> str | None:
    return json.loads(record.read_text())["why"] if record.is_file() else None


def _drop_old_links(config: Config, paths: Paths) -> None:
    """A link of a name or seed that is no longer configured would show an old run as today's."""
    folder = paths.results / "experiments"
    for link in folder.glob("*/seed*") if folder.is_dir() else ():
        entry = config.entries.get(link.parent.name)
        if link.is_symlink() and (entry is None or link.name not in {f"seed{seed}" for seed in entry.seeds}):
            link.unlink()
            if not any(link.parent.iterdir()):
                link.parent.rmdir()
