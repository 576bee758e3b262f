"""Whether data sets pull the shared weights the same way: cosines of their gradients, where runs recorded them."""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ivvit.results.comparison import Comparison
from ivvit.results.draw.style import PAGE, Drawing, legend_below, legend_height, looks, panels
from ivvit.results.runs import Run

FILE = "gradients.csv"
"""Beside history.csv: iteration, first, second (data sets), cosine."""
_POINTS = 60


def gradients_drawing(comparison: Comparison) -> Drawing | None:
    """A panel per experiment (at most six), a line per pair of data sets."""
    found = {row.experiment: table for row in comparison.finished if (table := _table(row.runs)) is not None}
    found = dict(list(found.items())[:6])
    if not found:
        return None
    caption = (
        "Cosine between the gradients of two data sets on the shared weights: above zero they pull the same way. Means"
        " over seeds and over windows of iterations."
    )
    lines = {experiment: _lines(table) for experiment, table in found.items()}
    return Drawing("gradients", "Gradient cosines", caption, partial(_paint, lines), wide=True)


def _lines(table: pd.DataFrame) -> dict[str, np.ndarray]:
    """Pair -> (2, windows): iteration, cosine."""
    window = max(1, -(-int(table.index.max()) // _POINTS))
    smooth = table.groupby((table.index - 1) // window).mean()
    x = smooth.index.to_numpy() * window + (window + 1) / 2
    return {pair: np.stack([x, smooth[pair].to_numpy()]) for pair in table.columns}


def _paint(lines: dict[str, dict[str, np.ndarray]]) -> Figure:
    pairs = list(dict.fromkeys(pair for found in lines.values() for pair in found))
    look = looks(pairs)
    figure, axes = panels(len(lines), PAGE, 1.8 + legend_height(pairs, PAGE, 3), most=3, sharey=True)
    for axis, (experiment, found) in zip(axes, lines.items(), strict=True):
        for pair, line in found.items():
            axis.plot(*line, color=look[pair].color, linestyle=look[pair].linestyle, label=pair)
        axis.axhline(0, color="0.3", linewidth=0.8)
        axis.set_title(experiment)
        axis.set_xlabel("iteration")
        axis.grid()
    axes[0].set_ylabel("cosine of gradients")
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    legend_below(figure, handles, 3)
    return figure


def _table(runs: Sequence[Run]) -> pd.DataFrame | None:
    """Iteration by pair, the mean over seeds; None where no run has the file."""
    parts = []
    for run in runs:
        try:
            parts.append(pd.read_csv(run.ref.folder / FILE, usecols=["iteration", "first", "second", "cosine"]))
        except (OSError, ValueError):
            continue
    rows = pd.concat(parts) if parts else pd.DataFrame()
    if rows.empty:
        return None
    rows["pair"] = rows["first"] + ", " + rows["second"]
    return rows.pivot_table(index="iteration", columns="pair", values="cosine", aggfunc="mean")
