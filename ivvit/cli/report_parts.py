"""What the report says about studies, data and rules, from where they lie."""

import csv
import re
from os.path import relpath
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.config import Config
from ivvit.identity.identity import Identities
from ivvit.identity.locks import Pending

if TYPE_CHECKING:
    from ivvit.results.report.content import DataEntry, ReportContext, StudyEntry

GRAPH = Path(__file__).parents[2] / "docs" / "graph.svg"


def report_context(identities: Identities) -> "ReportContext":
    """Everything around the numbers of a report that lies in the results folder."""
    from ivvit.results.report.content import ReportContext

    config, paths = identities.config, identities.paths
    links = {"tables": paths.tables, "figures": paths.figures, "runs by name": paths.results / "experiments"}
    return ReportContext(
        f"Results of {Path(config.source).name}",
        [_study(identities, name) for name in config.file.studies],
        _data(config, identities),
        GRAPH,
        {what: f"{relpath(path, paths.results)}/" for what, path in links.items()},
    )


def _study(identities: Identities, name: str) -> "StudyEntry":
    from ivvit.results.report.content import StudyEntry

    paths, n_trials = identities.paths, identities.config.file.studies[name].n_trials
    try:
        identity = identities.study(name).digest
    except Pending as pending:
        return StudyEntry(name, f"waits for {pending}")
    best, report = paths.best(name, identity, n_trials), paths.study_report(name, identity, n_trials)
    if not identities.checks.locks.is_sound(best):
        return StudyEntry(name, "not finished")
    content = identities.checks.locks.read(best)
    parameters = {key: _number(value) for key, value in (content.get("parameters") or content).items()}
    trials = _trials(paths.study(name, identity) / "trials.csv", n_trials)
    link = relpath(report, paths.results) if report.is_file() else None
    return StudyEntry(name, f"{n_trials} trials", parameters, trials, link)


def _trials(file: Path, most: int) -> list[list[str]]:
    if not file.is_file():
        return []
    with file.open(encoding="utf-8", newline="") as stream:
        rows = [[_SHOWN.get(cell, _number(cell)) for cell in row] for row in list(csv.reader(stream))[: most + 1]]
    said = [place for place in range(len(rows[0]) if rows else 0) if any(row[place] for row in rows[1:])]
    return [[row[place] for place in said] for row in rows]


_SHOWN = {"True": "yes", "False": ""}


def _number(value: object) -> str:
    """Four digits of a number are enough to read."""
    try:
        number = float(str(value))
    except ValueError:
        return str(value)
    return str(value) if number.is_integer() else f"{number:.4g}"


def _data(config: Config, identities: Identities) -> "list[DataEntry]":
    from ivvit.results.report.content import DataEntry

    used = dict.fromkeys(name for entry in config.entries for name in config.experiment(entry).data)
    files = {name: identities.paths.report(name) for name in used}
    return [DataEntry(name, _sections(file.read_text(encoding="utf-8", errors="replace")))
            for name, file in files.items() if file.is_file()]  # fmt: skip


def _sections(report: str) -> list[tuple[str, str]]:
    """The parts of a text in Markdown by their headings, without its title."""
    first, *others = re.split("^## ", re.sub(r"\A# .*\n+", "", report), flags=re.MULTILINE)
    return [("", first.strip()), *((head, text.strip()) for head, _, text in (part.partition("\n") for part in others))]
