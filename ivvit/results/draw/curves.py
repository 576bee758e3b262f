"""How the runs learned: losses and accuracies by iteration, from their history.csv."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ivvit.results.comparison import Comparison
from ivvit.results.draw.style import PAGE, Drawing, Look, legend_below, legend_height, looks, metric_label
from ivvit.results.runs import Run

_POINTS, _BANDS, _MOST, _ABREAST = 60, 8, 12, 4


@dataclass(frozen=True)
class Curve:
    """An experiment's in a panel; the values of all seeds are (seeds, points)."""

    x: np.ndarray
    values: np.ndarray


def curves_drawing(comparison: Comparison) -> Drawing | None:
    """A column per data set; training loss, and below it what was measured on the way on the validation split."""
    metric = comparison.metric
    histories = {row.experiment: found for row in comparison.top(_MOST) if (found := _histories(row.runs, metric))}
    if not histories:
        return None
    every = [history for found in histories.values() for history in found]
    rows = {"training loss": ("train", "loss")}
    if any(map(_on_the_way, every)):
        rows |= {"validation loss": ("val", "loss"), f"validation {metric_label(comparison)}": ("val", metric)}
    several = any(len(found) > 1 for found in histories.values())
    band = several and len(histories) <= _BANDS
    window = max(1, -(-max(int(history["iteration"].max()) for history in every) // _POINTS))
    caption = (
        f"{f'Training losses are means over windows of {window} iterations; nothing else' if window > 1 else 'Nothing'}"
        " is smoothed."
        f"{' Lines are means over seeds.' if several else ''}"
        f"{' Bands reach from the lowest to the highest seed.' if band else ''}"
        f"{comparison.left_out(_MOST)}"
    )
    look = looks([row.experiment for row in comparison.rows])
    curves = {label: {name: _curves(histories, (name, *row), window if row[0] == "train" else 1)
                      for name in comparison.statistics.datasets} for label, row in rows.items()}  # fmt: skip
    paint = partial(_paint, curves, {name: look[name] for name in histories}, band)
    return Drawing("learning_curves", "Learning curves", caption, paint, wide=True)


def _paint(curves: dict[str, dict[str, dict[str, Curve]]], look: dict[str, Look], band: bool) -> Figure:
    names = list(next(iter(curves.values())))
    height = 0.5 + 1.45 * len(curves) + legend_height(look, PAGE, _ABREAST)
    figure = Figure(figsize=(PAGE, height), layout="constrained")
    axes = figure.subplots(len(curves), len(names), squeeze=False, sharex="col")
    for line, (label, by_dataset) in enumerate(curves.items()):
        axes[line][0].set_ylabel(label)
        for axis, found in zip(axes[line], by_dataset.values(), strict=True):
            for experiment, curve in found.items():
                _curve(axis, curve, look[experiment], label.startswith("validation"), band)
            axis.grid()
    for column, name in enumerate(names):
        axes[-1][column].set_xlabel("iteration")
        axes[0][column].set_title(name)
    handles = {
        name: Line2D([], [], color=mine.color, linestyle=mine.linestyle, marker=mine.marker, ms=2.2)
        for name, mine in look.items()
    }
    legend_below(figure, handles, _ABREAST, handlelength=2.6)
    return figure


def _histories(runs: Sequence[Run], metric: str) -> list[pd.DataFrame]:
    """The readable ones; a picture is not worth an error."""
    found = []
    for run in runs:
        try:
            columns = ["iteration", "phase", "dataset", "loss", metric]
            found.append(pd.read_csv(run.ref.folder / "history.csv", usecols=columns))
        except (OSError, ValueError):
            continue
    return [history for history in found if len(history)]


def _on_the_way(history: pd.DataFrame) -> bool:
    return history.loc[history["phase"] == "val", "iteration"].nunique() > 1


def _curves(histories: dict[str, list[pd.DataFrame]], what: tuple[str, str, str], window: int) -> dict[str, Curve]:
    """Experiment -> its curve, where it has one."""
    found = {name: _windowed(mine, what, window) for name, mine in histories.items()}
    return {name: curve for name, curve in found.items() if curve is not None}


def _windowed(histories: list[pd.DataFrame], what: tuple[str, str, str], window: int) -> Curve | None:
    dataset, phase, key = what
    seeds = []
    for history in histories:
        mine = history[(history["dataset"] == dataset) & (history["phase"] == phase)]
        if len(mine):
            seeds.append(mine.groupby((mine["iteration"] - 1) // window)[key].mean())
    if not seeds:
        return None
    table = pd.concat(seeds, axis=1, join="inner") * (1 if key == "loss" else 100)
    return Curve(table.index.to_numpy() * window + (window + 1) / 2, table.to_numpy().T)


def _curve(axis: Axes, curve: Curve, look: Look, marked: bool, band: bool) -> None:
    marker = look.marker if marked else None
    axis.plot(curve.x, curve.values.mean(0), color=look.color, linestyle=look.linestyle, marker=marker, markersize=2.2)
    if len(curve.values) > 1 and band:
        low, high = curve.values.min(0), curve.values.max(0)
        axis.fill_between(curve.x, low, high, color=look.color, alpha=0.15, linewidth=0)
