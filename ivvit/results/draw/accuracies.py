"""The comparison as a picture, and joint against single."""

from dataclasses import dataclass
from functools import partial

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ivvit.results.comparison import Comparison, Row
from ivvit.results.draw.style import COLOURS, COLUMN, PAGE, Drawing, metric_label, panels, short_names
from ivvit.results.statistics import ALL
from ivvit.results.texts import column_title

_INK = COLOURS[0]


@dataclass(frozen=True)
class Dot:
    """A number in percent with its interval, in a line of a panel."""

    line: int
    value: float
    low: float
    high: float
    filled: bool
    seeds: list[float]
    """Each seed's number, where there are several."""


@dataclass(frozen=True)
class Panel:
    """A data set's."""

    title: str
    dots: list[Dot]
    chance: float | None
    baseline: float | None


def comparison_drawing(comparison: Comparison) -> Drawing | None:
    """A panel per data set on an axis that fits its data, a line per experiment."""
    rows = comparison.top()
    if not rows or not comparison.columns:
        return None
    shown = [_panel(comparison, rows, column) for column in comparison.columns]
    seeds = max(len(row.runs) for row in rows)
    what = "Mean over seeds and its 95% interval over samples and seeds; small dots are seeds" if seeds > 1 else (
        "One seed and its 95% interval over samples")  # fmt: skip
    caption = (
        f"{what}. Filled: the best of each panel, and all that are not significantly worse (5%, Holm's"
        f" correction). Each axis fits its data and does not begin at zero.{comparison.left_out()}"
    )
    names = [row.experiment for row in rows]
    paint = partial(_paint_comparison, names, shown, metric_label(comparison), comparison.baseline)
    return Drawing("comparison", "Comparison of experiments", caption, paint, wide=True)


def _panel(comparison: Comparison, rows: list[Row], column: str) -> Panel:
    dots = []
    for line, row in enumerate(rows):
        if (mean := row.means[column]).seeds:
            results = [run.datasets[column] for run in row.runs if column in run.datasets] if column != ALL else []
            seeds = [100 * value for found in results if (value := found.value(comparison.metric)) is not None]
            best = row.experiment in comparison.best[column]
            dots.append(
                Dot(line, 100 * mean.value, 100 * mean.low, 100 * mean.high, best, seeds if len(seeds) > 1 else [])
            )
    chance = 100 * comparison.chance[column] if column in comparison.chance else None
    baseline = comparison.statistics.mean(comparison.baseline, column) if comparison.baseline else None
    known = 100 * baseline.value if baseline is not None and baseline.seeds else None
    return Panel(column_title(column), dots, chance, known)


def _paint_comparison(names: list[str], shown: list[Panel], label: str, baseline: str | None) -> Figure:
    figure, axes = panels(len(shown), PAGE, 0.95 + 0.16 * max(len(names), 3), most=5, sharey=True)
    chance = [_paint_panel(axis, panel, label) for axis, panel in zip(axes, shown, strict=True)]
    axes[0].set_yticks(range(len(names)), short_names(names).values())
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    handles = _legend(names, baseline, any(chance))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, handletextpad=0.3, columnspacing=1.2)
    return figure


def _paint_panel(axis: Axes, panel: Panel, label: str) -> bool:
    """Whether chance is on the axis."""
    axis.set_title(panel.title)
    axis.set_xlabel(label)
    axis.grid(axis="x")
    axis.tick_params(axis="y", length=0)
    if panel.baseline is not None:
        axis.axvline(panel.baseline, color="0.3", linestyle=(0, (1, 1.5)), linewidth=0.9, zorder=1)
    _paint_dots(axis, panel.dots)
    low, high = axis.get_xlim()
    on_axis = panel.chance is not None and low <= panel.chance <= high
    if panel.chance is not None and on_axis:
        axis.axvline(panel.chance, color="0.3", linestyle="-.", linewidth=0.8, zorder=1)
        axis.set_xlim(low, high)
    return on_axis


def _paint_dots(axis: Axes, dots: list[Dot]) -> None:
    lines = [dot.line for dot in dots]
    axis.hlines(lines, [dot.low for dot in dots], [dot.high for dot in dots], color=_INK, linewidth=1.1, zorder=2)
    seeds = [(seed, dot.line + 0.27) for dot in dots for seed in dot.seeds]
    axis.scatter([seed for seed, _ in seeds], [line for _, line in seeds], s=3, color="0.45", linewidths=0, zorder=3)
    faces = [_INK if dot.filled else "white" for dot in dots]
    axis.scatter([dot.value for dot in dots], lines, s=17, facecolor=faces, edgecolor=_INK, linewidths=1.0, zorder=4)


def _legend(names: list[str], baseline: str | None, chance: bool) -> list[Line2D]:
    handles = [_handle("not significantly worse than the best", _INK), _handle("worse", "white")]
    if baseline is not None and baseline in names:
        label = f"baseline {short_names(names)[baseline]}"
        handles.append(Line2D([], [], color="0.3", linestyle=(0, (1, 1.5)), label=label))
    if chance:
        handles.append(Line2D([], [], color="0.3", linestyle="-.", linewidth=0.8, label="chance"))
    return handles


def _handle(label: str, face: str) -> Line2D:
    return Line2D([], [], color=_INK, linewidth=1.1, marker="o", markersize=4.2, markerfacecolor=face, label=label)


def joint_drawing(comparison: Comparison) -> Drawing | None:
    """Differences around zero: what learning jointly gives and takes, by data set."""
    found = [pair for pair in comparison.joint if pair.difference.samples]
    if not found:
        return None
    several = len({pair.joint for pair in found}) > 1
    dots = [Dot(line, 100 * pair.difference.value, 100 * pair.difference.low, 100 * pair.difference.high,
                pair.difference.significant, []) for line, pair in enumerate(found)]  # fmt: skip
    names = [f"{pair.dataset}, {pair.joint}" if several else pair.dataset for pair in found]
    caption = (
        "What learning several data sets jointly gives and takes: difference of each joint experiment to the one that"
        " learned this data set alone and is equal otherwise, with its 95% interval; filled: significant (5%, Holm)."
    )
    paint = partial(_paint_joint, names, dots, metric_label(comparison).replace("(%)", "(points)"))
    return Drawing("joint_vs_single", "Joint against single", caption, paint)


def _paint_joint(names: list[str], dots: list[Dot], label: str) -> Figure:
    figure, (axis,) = panels(1, COLUMN, 0.75 + 0.2 * max(len(dots), 3))
    _paint_dots(axis, dots)
    axis.set_yticks(range(len(names)), short_names(names).values())
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.axvline(0, color="0.3", linewidth=0.8, zorder=1)
    axis.grid(axis="x")
    axis.set_xlabel(f"joint − single, {label}")
    return figure
