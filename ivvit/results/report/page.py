"""The page itself, from a template."""

import re
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from ivvit.ground.files import write_text
from ivvit.results.comparison import Comparison
from ivvit.results.further_tables import text_tables
from ivvit.results.report.content import ReportContext, embedded, figures, run_entries, samples
from ivvit.results.report.words import sentences
from ivvit.results.safe import plain, plain_lines

FILE = "report.html"


def write_report(comparison: Comparison, folder: Path, context: ReportContext) -> Path:
    """Write report.html into the folder that holds the tables, figures and samples of the comparison.

    The same folder and context give the same bytes.
    """
    environment = Environment(
        loader=PackageLoader("ivvit.results.report", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.filters |= {"plain": plain, "plain_lines": plain_lines, "stacked": _stacked}
    graph = context.graph
    page = environment.get_template("report.html.j2").render(
        context=context,
        sentences=[plain(sentence) for sentence in sentences(comparison)],
        tables=text_tables(comparison),
        figures=figures(folder),
        samples=samples(folder),
        runs=run_entries(comparison),
        graph=embedded(graph) if graph is not None and graph.is_file() else None,
    )
    write_text(folder / FILE, page)
    return folder / FILE


def _stacked(text: str) -> Markup:
    """An interval and what follows it below its number, so that tables are half as wide."""
    if (found := _INTERVAL.fullmatch(text)) is None:
        return escape(text)
    value, interval, arrow, rest = found.groups()
    return Markup("{}{} <small>{}{}</small>").format(value, arrow, interval, rest)


_INTERVAL = re.compile(r"(\S+) (\[.*\])([↑↓]?)(.*)")
