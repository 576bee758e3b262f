"""What accuracy costs: training hours, multiply-accumulates, views and frames of evaluation."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from matplotlib.figure import Figure
from matplotlib.transforms import ScaledTranslation

from ivvit.ground.files import read_object
from ivvit.results.comparison import Comparison, Row
from ivvit.results.draw.style import (
    COLUMN,
    PAGE,
    Drawing,
    Look,
    legend_below,
    legend_height,
    looks,
    metric_label,
    panels,
)
from ivvit.results.statistics import ALL

_DECADE = 10
_APART = 0.08
"""Inches between experiments of equal cost."""


def _hours(row: Row) -> float | None:
    return row.cost.hours if row.cost else None


def _minutes(row: Row) -> float | None:
    return None if (hours := _hours(row)) is None else 60 * hours


def _gflops(row: Row) -> float | None:
    return (row.cost.clip_gflops or row.cost.image_gflops) if row.cost else None


@dataclass(frozen=True)
class Point:
    """An experiment in a panel, in percent."""

    experiment: str
    x: float
    value: float
    low: float
    high: float


def cost_drawing(comparison: Comparison) -> Drawing | None:
    """Accuracy against training hours and against GFLOPs, each where it differs between experiments."""
    column = ALL if ALL in comparison.columns else next(iter(comparison.columns), "")
    rows = [row for row in comparison.top() if row.means[column].seeds] if column else []
    short = max((_hours(row) or 0 for row in rows), default=0) < 1
    time = {"training (minutes)": _minutes} if short else {"training (hours)": _hours}
    axes_of: dict[str, Callable[[Row], float | None]] = {**time, "GFLOPs per view": _gflops}
    shown = {label: get for label, get in axes_of.items() if len({get(row) for row in rows} - {None}) > 1}
    if len(rows) < 2 or not shown:
        return None
    look = looks([row.experiment for row in comparison.rows])
    devices = sorted({row.cost.device for row in rows if row.cost and row.cost.device})
    what = "Mean over the data sets; bars" if column == ALL else "Bars"
    caption = (
        f"{what}: 95% intervals. Training on {'; '.join(devices) or 'an unknown device'}."
        f"{' Hours on different devices cannot be compared.' if len(devices) > 1 else ''} GFLOPs: multiply-accumulates"
        " of one clip (of one image where there are no clips), attention included. Experiments of equal cost stand"
        f" side by side.{comparison.left_out()}"
    )
    points = {label: _points(rows, get, column) for label, get in shown.items()}
    label = f"{'mean' if column == ALL else column} {metric_label(comparison)}"
    paint = partial(_paint_cost, points, {row.experiment: look[row.experiment] for row in rows}, label)
    return Drawing("cost", "Accuracy and cost", caption, paint, wide=len(shown) > 1)


def _points(rows: list[Row], get: Callable[[Row], float | None], column: str) -> list[Point]:
    means = [(row.experiment, get(row), row.means[column]) for row in rows]
    return [Point(name, x, 100 * mean.value, 100 * mean.low, 100 * mean.high)
            for name, x, mean in means if x is not None]  # fmt: skip


def _paint_cost(shown: dict[str, list[Point]], look: dict[str, Look], label: str) -> Figure:
    width, abreast = (PAGE, 3) if len(shown) > 1 else (COLUMN, 2)
    figure, axes = panels(len(shown), width, 2.1 + legend_height(look, width, abreast), sharey=True)
    for axis, (title, points) in zip(axes, shown.items(), strict=True):
        axis.margins(x=0.12)  # room for those that are moved aside
        for point, aside in zip(points, _aside([point.x for point in points]), strict=True):
            mine = look[point.experiment]
            lines = axis.plot([point.x] * 2, [point.low, point.high], color=mine.color, linewidth=0.9)
            lines += axis.plot([point.x], [point.value], color=mine.color, marker=mine.marker, markersize=4.5,
                               linestyle="", label=point.experiment)  # fmt: skip
            for line in lines:  # the axis fits where they are, not where they are shown
                line.set_transform(axis.transData + ScaledTranslation(aside * _APART, 0, figure.dpi_scale_trans))
        low, high = axis.get_xlim()
        axis.set_xscale("log" if low > 0 and high / low > _DECADE else "linear")
        axis.set_xlabel(title)
        axis.grid()
    axes[0].set_ylabel(label)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    legend_below(figure, handles, abreast, handletextpad=0.2)
    return figure


def _aside(values: list[float]) -> list[float]:
    """How many places each is moved so that equal ones stand side by side, around where they are."""
    return [values[:place].count(x) - (values.count(x) - 1) / 2 for place, x in enumerate(values)]


def views_drawing(comparison: Comparison) -> Drawing | None:
    """Accuracy by views of a sample, from all evaluations that a run has; nothing is trained for it."""
    found = {row.experiment: table for row in comparison.top() if (table := _evaluations(row, comparison.metric))}
    names = [name for name in comparison.statistics.datasets
             if any(len(table.get(name, {})) > 1 for table in found.values())]  # fmt: skip
    if not names:
        return None
    look = looks([row.experiment for row in comparison.rows])
    several = sorted({place for table in found.values() for points in table.values() for place in points})
    kinds = ", ".join(
        f"{clips} x {crops}{f' of {frames} frames' if frames else ''}" for frames, clips, crops in several
    )
    caption = f"Evaluations of the same models with other views (clips x crops): {kinds}; means over seeds."
    caption += comparison.left_out()
    lines = {name: {experiment: line for experiment, table in found.items() if len(line := _line(table, name)) > 1}
             for name in names}  # fmt: skip
    paint = partial(_paint_views, lines, {name: look[name] for name in found}, metric_label(comparison))
    return Drawing("views", "Effect of frames and views", caption, paint, wide=len(names) > 1)


def _line(table: dict[str, dict["Setting", list[float]]], name: str) -> list[tuple[int, float]]:
    """(views, accuracy in %: the mean over seeds) of each setting."""
    points = sorted(table.get(name, {}).items())
    return [(_views(place), 100 * sum(values) / len(values)) for place, values in points]


def _paint_views(lines: dict[str, dict[str, list[tuple[int, float]]]], look: dict[str, Look], label: str) -> Figure:
    width = PAGE if len(lines) > 1 else COLUMN
    figure, axes = panels(len(lines), width, 1.9 + legend_height(look, width, 3))
    for axis, (name, found) in zip(axes, lines.items(), strict=True):
        for experiment, points in found.items():
            mine = look[experiment]
            axis.plot(*zip(*points, strict=True), color=mine.color, linestyle=mine.linestyle, marker=mine.marker,
                      markersize=3.5, label=experiment)  # fmt: skip
        axis.set_title(name)
        ticks = sorted({views for points in found.values() for views, _ in points})
        axis.set_xscale("log")
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
        axis.set_xlabel("views of a sample")
        axis.grid()
    axes[0].set_ylabel(label)
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    legend_below(figure, handles, 3)
    return figure


Setting = tuple[int, int, int]
"""(frames, or 0 where the evaluation leaves them as in training; clips; crops)."""


def _views(setting: Setting) -> int:
    return setting[1] * setting[2]


def _evaluations(row: Row, metric: str) -> dict[str, dict[Setting, list[float]]]:
    """Data set -> setting -> accuracy of each seed, on the split that the tables report."""
    found: dict[str, dict[Setting, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in row.runs:
        for file in sorted(run.ref.evaluated("metrics.json").parent.parent.glob("*/metrics.json")):
            try:
                content = read_object(file)
                how = content.get("evaluation") or {}
                setting = (how.get("num_frames") or 0, how.get("clips", 1), how.get("crops", 1))
                values = {name: result[metric] for name, result in content["datasets"].items()
                          if name in run.datasets and result["split"] == run.datasets[name].split}  # fmt: skip
            except (KeyError, AttributeError, TypeError):
                continue  # another evaluation's damage is no reason to draw nothing
            for name, value in values.items():
                if value is not None:
                    found[name][setting].append(value)
    return found
