"""How the runs learned: losses and accuracies by iteration, from their history.csv."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ivvit.results.comparison import Comparison, Row
from ivvit.results.draw.style import PAGE, Drawing, Look, looks
from ivvit.results.runs import Run

_POINTS, _BANDS, _MOST = 60, 8, 20
_ROWS = {
    ("train", "loss"): "training loss",
    ("val", "loss"): "validation loss",
    ("val", "top1"): "validation top-1 (%)",
}


def curves_drawing(comparison: Comparison) -> Drawing | None:
    """A column per data set; training loss, and below it what was measured on the way on the validation split."""
    shown = _shown(comparison)
    histories = {row.experiment: found for row in shown if (found := _histories(row.runs))}
    if not histories:
        return None
    names = comparison.statistics.datasets
    rows = [row for row in _ROWS if row[0] == "train" or any(_on_the_way(h) for hs in histories.values() for h in hs)]
    lines = -(-len(histories) // 4)
    figure = Figure(figsize=(PAGE, 0.5 + 1.45 * len(rows) + 0.14 * lines), layout="constrained")
    axes = figure.subplots(len(rows), len(names), squeeze=False, sharex="col")
    look = looks([row.experiment for row in comparison.rows])
    several = any(len(found) > 1 for found in histories.values())
    band = several and len(histories) <= _BANDS
    window = max(1, -(-max(int(h["iteration"].max()) for hs in histories.values() for h in hs) // _POINTS))
    for line, (phase, key) in enumerate(rows):
        axes[line][0].set_ylabel(_ROWS[phase, key])
        for column, name in enumerate(names):
            for experiment, found in histories.items():
                size = window if phase == "train" else 1
                _curve(axes[line][column], found, (name, phase, key), size, look[experiment], band)
            axes[line][column].grid()
            axes[-1][column].set_xlabel("iteration")
            axes[0][column].set_title(name)
    handles = [
        axes[0][0].plot(
            [], [], color=look[n].color, linestyle=look[n].linestyle, marker=look[n].marker, ms=2.2, label=n
        )[0]
        for n in histories
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=4, handlelength=2.6)
    caption = (
        f"{f'Training losses are means over windows of {window} iterations; nothing else' if window > 1 else 'Nothing'}"
        " is smoothed."
        f"{' Lines are means over seeds.' if several else ''}"
        f"{' Bands reach from the lowest to the highest seed.' if band else ''}"
        f"{f' The best {_MOST} of {len(comparison.finished)} experiments.' if len(comparison.finished) > _MOST else ''}"
    )
    return Drawing("learning_curves", "Learning curves", caption, figure)


def _shown(comparison: Comparison) -> list[Row]:
    """All experiments; of very many the best, for no picture tells more lines apart."""
    rows, column = comparison.finished, comparison.columns[-1] if comparison.columns else ""
    if len(rows) <= _MOST:
        return rows
    value = {row.experiment: np.nan_to_num(row.means[column].value) for row in rows}
    order = sorted(rows, key=lambda row: (row.experiment != comparison.baseline, -value[row.experiment]))
    best = {row.experiment for row in order[:_MOST]}
    return [row for row in rows if row.experiment in best]


def _histories(runs: Sequence[Run]) -> list[pd.DataFrame]:
    """The readable ones; a picture is not worth an error."""
    found = []
    for run in runs:
        try:
            columns = ["iteration", "phase", "dataset", "loss", "top1"]
            found.append(pd.read_csv(run.ref.folder / "history.csv", usecols=columns))
        except (OSError, ValueError):
            continue
    return [history for history in found if len(history)]


def _on_the_way(history: pd.DataFrame) -> bool:
    return history.loc[history["phase"] == "val", "iteration"].nunique() > 1


def _curve(
    axis: Axes,
    histories: list[pd.DataFrame],
    what: tuple[str, str, str],
    window: int,
    look: Look,
    band: bool,
) -> None:
    dataset, phase, key = what
    seeds = []
    for history in histories:
        mine = history[(history["dataset"] == dataset) & (history["phase"] == phase)]
        if len(mine):
            place = (mine["iteration"] - 1) // window
            seeds.append(mine.groupby(place)[key].mean().rename_axis("place"))
            ends = mine.groupby(place)["iteration"].mean()
    if not seeds:
        return
    table = pd.concat(seeds, axis=1, join="inner") * (100 if key == "top1" else 1)
    x = ends.reindex(table.index).to_numpy() if window == 1 else table.index.to_numpy() * window + (window + 1) / 2
    marker = look.marker if phase == "val" else None
    axis.plot(x, table.mean(axis=1), color=look.color, linestyle=look.linestyle, marker=marker, markersize=2.2)
    if table.shape[1] > 1 and band:
        low, high = np.asarray(table.min(axis=1)), np.asarray(table.max(axis=1))
        axis.fill_between(x, low, high, color=look.color, alpha=0.15, linewidth=0)
