"""Write tables and figures of the current runs, and the links by which people find them."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.cli.common import add_config, config_of, relative
from ivvit.cli.jobs import link_run
from ivvit.config import Config
from ivvit.identity.identity import Identities
from ivvit.identity.paths import Paths
from ivvit.ledger.status import Status

if TYPE_CHECKING:
    from ivvit.results.comparison import Comparison
    from ivvit.results.runs import RunRef


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)


def run(args: argparse.Namespace) -> None:
    """Write what is there; say what is missing."""
    from ivvit.results.figures import write_figures
    from ivvit.results.tables import write_tables

    config = config_of(args)
    paths = Identities(config).paths
    comparison = current_comparison(config)
    for ref, why in comparison.missing.items():
        print(f"{ref.experiment}, seed {ref.seed}: no result: {why}")
    write_tables(comparison, paths.tables)
    write_figures(comparison, paths.figures)
    print(f"tables in {relative(paths.tables)}, figures in {relative(paths.figures)}")


def current_comparison(config: Config) -> "Comparison":
    """All experiments as the configuration wants them compared."""
    from ivvit.results.comparison import compare
    from ivvit.results.references import read_references

    options = config.file.results
    references = read_references(Path(options.references).expanduser()) if options.references else []
    return compare(current_runs(config), metric=options.metric, baseline=options.baseline, references=references)


def current_runs(config: Config) -> "list[RunRef]":
    """The runs with today's identities, in the configuration's order; the links of finished ones are renewed."""
    from ivvit.results.runs import RunRef

    status = Status(config)
    paths, found = status.paths, []
    for name, entry in config.entries.items():
        for seed in entry.seeds:
            state = status.run(name, seed)
            folder = Path(state.folder) if state.folder else paths.link(name, seed)
            tuned = entry.from_study
            if state.settled != "fresh" or state.identity is None:
                why = "; ".join([state.state, *state.why])
                found.append(RunRef(name, seed, folder, folder, tuned=tuned, missing=why))
                continue
            link_run(paths, name, seed, state.identity)
            found.append(RunRef(name, seed, folder, folder, _accepted(paths.accepted(state.identity)), tuned))
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
