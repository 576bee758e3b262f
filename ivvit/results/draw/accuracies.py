"""The comparison as a picture, and joint against single."""

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from ivvit.results.comparison import Comparison
from ivvit.results.draw.style import COLOURS, COLUMN, PAGE, Drawing, metric_label, panels
from ivvit.results.statistics import ALL
from ivvit.results.texts import column_title

_INK = COLOURS[0]


def comparison_drawing(comparison: Comparison) -> Drawing | None:
    """A panel per data set on an axis that fits its data, a line per experiment."""
    rows = comparison.finished
    if not rows:
        return None
    columns = comparison.columns
    names = [row.experiment for row in rows]
    figure, axes = panels(len(columns), PAGE, 0.95 + 0.16 * max(len(rows), 3), most=5, sharey=True)
    chance = [_panel(axis, comparison, column) for axis, column in zip(axes, columns, strict=True)]
    axes[0].set_yticks(range(len(names)), names)
    axes[0].set_ylim(len(names) - 0.5, -0.5)
    handles = _legend(comparison, any(chance))
    figure.legend(handles=handles, loc="outside lower center", ncols=5, handletextpad=0.3, columnspacing=1.2)
    seeds = max(len(row.runs) for row in rows)
    over = "seeds and its 95% interval over samples and seeds; small dots are seeds" if seeds > 1 else (
        "one seed and its 95% interval over samples")  # fmt: skip
    caption = (
        f"Mean over {over}. Filled: the best of each panel, and all that are not significantly worse (5%, Holm's"
        " correction). Each axis fits its data and does not begin at zero."
    )
    return Drawing("comparison", "Comparison of experiments", caption, figure)


def _panel(axis: Axes, comparison: Comparison, column: str) -> bool:
    """Whether chance is on the axis."""
    axis.set_title(column_title(column))
    axis.set_xlabel(metric_label(comparison))
    axis.grid(axis="x")
    axis.tick_params(axis="y", length=0)
    baseline = comparison.statistics.mean(comparison.baseline, column) if comparison.baseline else None
    if baseline is not None and baseline.seeds:
        axis.axvline(100 * baseline.value, color="0.3", linestyle=(0, (1, 1.5)), linewidth=0.9, zorder=1)
    for place, row in enumerate(comparison.finished):
        mean = row.means[column]
        if not mean.seeds:
            continue
        axis.plot([100 * mean.low, 100 * mean.high], [place, place], color=_INK, linewidth=1.1, zorder=2)
        seeds = [run.datasets[column].value(comparison.metric) for run in row.runs if column in run.datasets]
        if column != ALL and len(seeds) > 1:
            known = [100 * value for value in seeds if value is not None]
            axis.scatter(known, [place + 0.27] * len(known), s=3, color="0.45", linewidths=0, zorder=3)
        best = row.experiment in comparison.best[column]
        axis.scatter([100 * mean.value], [place], s=17, marker="o", facecolor=_INK if best else "white",
                     edgecolor=_INK, linewidths=1.0, zorder=4)  # fmt: skip
    low, high = axis.get_xlim()
    chance = 100 * comparison.chance.get(column, -1)
    if low <= chance <= high:
        axis.axvline(chance, color="0.3", linestyle="-.", linewidth=0.8, zorder=1)
        axis.set_xlim(low, high)
    return low <= chance <= high


def _legend(comparison: Comparison, chance: bool) -> list[Line2D]:
    handles = [_dot("not significantly worse than the best", _INK), _dot("worse", "white")]
    if comparison.baseline:
        handles.append(Line2D([], [], color="0.3", linestyle=(0, (1, 1.5)), label=f"baseline {comparison.baseline}"))
    if chance:
        handles.append(Line2D([], [], color="0.3", linestyle="-.", linewidth=0.8, label="chance"))
    return handles


def _dot(label: str, face: str) -> Line2D:
    return Line2D([], [], color=_INK, linewidth=1.1, marker="o", markersize=4.2, markerfacecolor=face, label=label)


def joint_drawing(comparison: Comparison) -> Drawing | None:
    """Differences around zero: what learning jointly gives and takes, by data set."""
    found = [pair for pair in comparison.joint if pair.difference.samples]
    if not found:
        return None
    several = len({pair.joint for pair in found}) > 1
    figure, (axis,) = panels(1, COLUMN, 0.75 + 0.2 * max(len(found), 3))
    for place, pair in enumerate(found):
        value = pair.difference
        axis.plot([100 * value.low, 100 * value.high], [place, place], color=_INK, linewidth=1.1)
        axis.scatter([100 * value.value], [place], s=17, facecolor=_INK if value.significant else "white",
                     edgecolor=_INK, linewidths=1.0, zorder=4)  # fmt: skip
    labels = [f"{pair.dataset}, {pair.joint}" if several else pair.dataset for pair in found]
    axis.set_yticks(range(len(found)), labels)
    axis.set_ylim(len(found) - 0.5, -0.5)
    axis.axvline(0, color="0.3", linewidth=0.8, zorder=1)
    axis.grid(axis="x")
    axis.set_xlabel(f"joint − single, {metric_label(comparison).replace('(%)', '(points)')}")
    caption = (
        "What learning several data sets jointly gives and takes: difference of each joint experiment to the one that"
        " learned this data set alone and is equal otherwise, with its 95% interval; filled: significant (5%, Holm)."
    )
    return Drawing("joint_vs_single", "Joint against single", caption, figure)
