"""comparison.{png,svg} and learning_curves.{png,svg}; equal runs give equal bytes."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from ivvit.ground.files import write_atomically
from ivvit.results.comparison_figure import comparison_figure
from ivvit.results.curves import curves_figure
from ivvit.results.runs import RunRef, read_runs

_STYLE = {
    "svg.hashsalt": "ivvit",  # else the ids in the file are random
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "figure.dpi": 150,
}


def write_figure(runs: list[RunRef], out: Path) -> None:
    """Draw the finished ones among these runs into the folder `out`.

    comparison.{png,svg}: accuracy by data set and experiment, mean and standard deviation over seeds, and chance.
    learning_curves.{png,svg}: training loss by data set, and validation accuracy where it was measured on the way.

    Raises:
        UserError: a run's file is damaged.
    """
    finished = read_runs(runs)
    out.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context({**matplotlib.rcParamsDefault, **_STYLE}):
        _save(comparison_figure(finished), out / "comparison")
        _save(curves_figure(finished), out / "learning_curves")


def _save(figure: Figure, path: Path) -> None:
    for form, metadata in (("png", {"Software": None}), ("svg", {"Date": None, "Creator": None})):
        write_atomically(
            path.with_suffix(f".{form}"), lambda file, f=form, m=metadata: figure.savefig(file, format=f, metadata=m)
        )
