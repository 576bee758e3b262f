"""Write tables and figures of the current runs, and the links by which people find them."""

import argparse
import shutil
from pathlib import Path

from ivvit.cli.common import add_config, check_key, config_of, relative
from ivvit.cli.jobs import link_run
from ivvit.config import Config
from ivvit.ground.errors import UserError
from ivvit.identity.identity import Identities
from ivvit.identity.paths import Paths
from ivvit.planning.links import link
from ivvit.planning.tables import table_runs, tables_key

FIGURES = (".svg", ".png")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--key", help="the tables' key as it was planned; refused where it is another one by now")


def run(args: argparse.Namespace) -> None:
    """Write what is there; say what is missing."""
    from ivvit.results.figures import write_figure
    from ivvit.results.runs import RunRef
    from ivvit.results.tables import write_tables

    config = config_of(args)
    identities = Identities(config)
    paths, (runs, pending) = identities.paths, table_runs(identities)
    for name, waits in pending.items():
        print(f"{name}: left out, waits for {waits}")
    finished = [run for run in runs if paths.finished(run.identity, run.seed).is_file()]
    for run in runs:
        if run in finished:
            link_run(paths, run.experiment, run.seed, run.identity)
        else:
            print(f"{run.experiment}, seed {run.seed}: not finished")
    _drop_old_links(config, paths)
    key = tables_key(identities, runs if finished == runs else finished)
    check_key(key, args.key, "tables")
    if not finished:
        raise UserError("no experiment has a finished run yet; start `snakemake`")
    folder = paths.tables / key
    refs = [RunRef(r.experiment, r.seed, paths.run(r.identity, r.seed), accepted=r.accepted) for r in runs]
    write_figure(refs, folder)
    write_tables(refs, folder, metric=config.file.results.metric)
    _show(paths, folder)
    print(f"tables in {relative(paths.tables)}, figures in {relative(paths.figures)}")


def _show(paths: Paths, folder: Path) -> None:
    """Links to these tables, and no others kept: then tables that are there are those that the links show."""
    for file in sorted(folder.iterdir()):
        if not file.name.startswith("."):
            place = (paths.figures if file.suffix in FIGURES else paths.tables) / file.name
            if place.is_file() and not place.is_symlink():
                place.unlink()  # of an earlier version, which wrote tables here
            link(place, file)
    for other in paths.tables.iterdir():
        if other.is_dir() and other != folder:
            shutil.rmtree(other)


def _drop_old_links(config: Config, paths: Paths) -> None:
    """A link of a name or seed that is no longer configured would show an old run as today's."""
    folder = paths.results / "experiments"
    for place in folder.glob("*/seed*") if folder.is_dir() else ():
        entry = config.entries.get(place.parent.name)
        if place.is_symlink() and (entry is None or place.name not in {f"seed{seed}" for seed in entry.seeds}):
            place.unlink()
            if not any(place.parent.iterdir()):
                place.parent.rmdir()
