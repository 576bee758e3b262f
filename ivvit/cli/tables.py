"""Write tables, figures and the report of the current runs, and the links by which people find them."""

import argparse
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.cli.common import add_config, check_key, config_of, relative
from ivvit.cli.jobs import link_run
from ivvit.cli.report_parts import report_context
from ivvit.config import Config
from ivvit.data.places import dataset_folder
from ivvit.ground.files import replace_link
from ivvit.identity.identity import Identities
from ivvit.identity.paths import Paths
from ivvit.ledger.status import Status
from ivvit.planning.tables import TableRun, table_runs, tables_code, tables_key

if TYPE_CHECKING:
    from ivvit.results.comparison import Comparison
    from ivvit.results.pixels import PixelSource
    from ivvit.results.runs import RunRef

FIGURES = (".svg", ".png")

EXAMPLES = """\
  ivvit tables
"""


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_config(parser)
    parser.add_argument("--key", help="the tables' key as it was planned; refused where it is another one by now")


def run(args: argparse.Namespace) -> None:
    """Write what is there; say what is missing."""
    from ivvit.results.figures import write_figures
    from ivvit.results.report.page import write_report
    from ivvit.results.safe import plain
    from ivvit.results.samples import write_samples
    from ivvit.results.tables import write_tables

    config = config_of(args)
    identities = Identities(config)
    paths, (runs, _) = identities.paths, table_runs(identities)
    finished = [run for run in runs if paths.evaluated(run.identity, run.seed, run.evaluation).is_file()]
    for run in finished:
        link_run(paths, run.experiment, run.seed, run.identity, run.evaluation)
    _drop_old_links(config, paths)
    key = tables_key(identities, runs if finished == runs else finished)
    check_key(key, args.key, "tables")
    comparison = current_comparison(identities, finished)
    for ref, why in comparison.missing.items():
        print(f"{ref.experiment}, seed {ref.seed}: no result: {plain(why)}")
    folder = paths.tables / key
    write_tables(comparison, folder)
    write_figures(comparison, folder)
    write_samples(comparison, _pixels(identities), folder)
    write_report(comparison, folder, report_context(identities))
    _show(paths, folder)
    comparison.parts.drop_unused()
    print(f"tables in {relative(paths.tables)}, figures in {relative(paths.figures)}, report in {relative(paths.page)}")


def current_comparison(identities: Identities, finished: list[TableRun]) -> "Comparison":
    """All experiments as the configuration wants them compared.

    Raises:
        UserError: `results.baseline` or `results.references` names what is not there.
    """
    from ivvit.results.comparison import compare
    from ivvit.results.parts import Parts
    from ivvit.results.references import read_references

    config = identities.config
    options = config.file.results
    references = read_references(Path(options.references).expanduser()) if options.references else []
    return compare(
        _refs(identities, finished),
        metric=options.metric,
        baseline=options.baseline,
        references=references,
        folders={name: dataset_folder(data, config.root) for name, data in config.datasets.items()},
        parts=Parts(identities.paths.parts, tables_code(identities)),
    )


def _pixels(identities: Identities) -> "dict[str, PixelSource]":
    """Where each data set's files are, as far as it is validated."""
    from ivvit.results.pixels import PixelSource

    config = identities.config
    used = {name: data for entry in config.entries for name, data in config.experiment(entry).data.items()}
    places = {name: (data, identities.checks.manifest(name)) for name, data in used.items()
              if dataset_folder(data, config.root).is_dir()}  # fmt: skip
    return {name: PixelSource(config.root, data, lock) for name, (data, lock) in places.items() if lock.is_file()}


def _refs(identities: Identities, finished: list[TableRun]) -> "list[RunRef]":
    """All runs in the configuration's order, and why there is no result, where there is none."""
    from ivvit.results.runs import RunRef

    config, paths = identities.config, identities.paths
    status = Status(config)
    there, found = {(run.experiment, run.seed): run for run in finished}, []
    for name, entry in config.entries.items():
        for seed in entry.seeds:
            run, place = there.get((name, seed)), paths.links(name, seed)
            if run is None:
                state = status.run(name, seed)
                why = "; ".join([state.state, *state.texts])
                found.append(RunRef(name, seed, place, None, tuned=entry.from_study, missing=why))
            else:
                folder, today = paths.run(run.identity, seed), identities.evaluation(name).digest
                evaluation, tuned = paths.evaluation(run.identity, seed, today), entry.from_study
                found.append(RunRef(name, seed, folder, evaluation, run.accepted, tuned, "trained, not evaluated"))
    return found


def _show(paths: Paths, folder: Path) -> None:
    """Links to these tables, and no others kept: then tables that are there are those that the links show."""
    for file in sorted(folder.iterdir()):
        if not file.name.startswith("."):
            place = (paths.figures if file.suffix in FIGURES else paths.tables) / file.name
            place = paths.page if file.name == paths.page.name else place
            if place.is_file() and not place.is_symlink():
                place.unlink()  # of an earlier version, which wrote tables here
            replace_link(place, file)
    for other in [*paths.tables.iterdir(), *(paths.figures.iterdir() if paths.figures.is_dir() else ())]:
        if other.is_symlink():
            if not other.exists():  # these tables have no such file
                other.unlink()
        elif other.is_dir() and other != folder:
            shutil.rmtree(other)


def _drop_old_links(config: Config, paths: Paths) -> None:
    """A link of a name or seed that is no longer configured would show an old run as today's."""
    folder = paths.results / "experiments"
    for place in folder.glob("*/seed*") if folder.is_dir() else ():
        entry = config.entries.get(place.parent.name)
        if entry is not None and place.name in {f"seed{seed}" for seed in entry.seeds}:
            continue
        if place.is_symlink():  # of an earlier version
            place.unlink()
        elif all(file.is_symlink() for file in place.iterdir()):
            shutil.rmtree(place)
        if not any(place.parent.iterdir()):
            place.parent.rmdir()
