"""comparison.csv, .md and .tex, runs.csv and pairs.csv."""

from pathlib import Path

import pandas as pd

from ivvit.ground.files import write_text
from ivvit.results.cells import Cells, cells
from ivvit.results.origins import origins
from ivvit.results.runs import RunRef, read_runs
from ivvit.results.statistics import comparison, paired

_TEX = {"\\": r"\textbackslash{}", "±": r"$\pm$", "–": "--", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}


def write_tables(runs: list[RunRef], out: Path, *, metric: str = "top1", names: dict[str, str] | None = None) -> None:
    """Write the tables of these runs into the folder `out`; runs without a result are left out with a note.

    comparison.{csv,md,tex}: a row per experiment, in the order of `runs` (see statistics.comparison); numbers in the
    CSV are fractions, in the others percentages with the sample standard deviation over seeds and the best in bold.
    runs.csv: a row per run with all its metrics and where it came from. pairs.csv: see statistics.paired.

    Args:
        runs: all runs that are wanted, finished or not.
        out: the folder.
        metric: top1 or top5.
        names: what to call experiments in .md and .tex, where it is not their name.

    Raises:
        UserError: a run's file is damaged.
    """
    finished = read_runs(runs)
    table = comparison(runs, finished, metric)
    text = cells(table, names)
    out.mkdir(parents=True, exist_ok=True)
    _write_csv(table, out / "comparison.csv")
    _write_csv(origins(runs, finished), out / "runs.csv")
    _write_csv(paired(finished, metric), out / "pairs.csv")
    write_text(out / "comparison.md", markdown(text))
    write_text(out / "comparison.tex", latex(text))


def markdown(text: Cells) -> str:
    """The table in Markdown."""
    lines = [text.header, ["---", "---", "---", *["---:"] * (len(text.header) - 3)]]
    for index, row in enumerate(text.rows):
        lines.append([f"**{cell}**" if (index, place) in text.best else cell for place, cell in enumerate(row)])
    table = "\n".join(f"| {' | '.join(cell.replace('|', '&#124;') for cell in line)} |" for line in lines)
    return "\n\n".join([table, *text.notes]) + "\n"


def latex(text: Cells) -> str:
    """The table in LaTeX, for the package booktabs."""
    lines = [" & ".join(map(_escape, text.header)) + r" \\", r"\midrule"]
    for index, row in enumerate(text.rows):
        row = [
            rf"\textbf{{{_escape(c)}}}" if (index, place) in text.best else _escape(c) for place, c in enumerate(row)
        ]
        lines.append(" & ".join(row) + r" \\")
    columns = "lll" + "r" * (len(text.header) - 3)
    head, foot = [rf"\begin{{tabular}}{{{columns}}}", r"\toprule"], [r"\bottomrule", r"\end{tabular}"]
    return "\n".join([*head, *lines, *foot, *(f"% {note}" for note in text.notes)]) + "\n"


def _escape(text: str) -> str:
    return "".join(_TEX.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in text)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    write_text(path, table.to_csv(index=False, lineterminator="\n"))
