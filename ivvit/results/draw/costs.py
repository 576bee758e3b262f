"""What accuracy costs: training hours, multiply-accumulates, views and frames of evaluation."""

import json
from collections import defaultdict
from collections.abc import Callable

from ivvit.results.comparison import Comparison, Row
from ivvit.results.draw.style import COLUMN, PAGE, Drawing, looks, metric_label, panels
from ivvit.results.statistics import ALL

_DECADE = 10


def _hours(row: Row) -> float | None:
    return row.cost.hours if row.cost else None


def _minutes(row: Row) -> float | None:
    return None if (hours := _hours(row)) is None else 60 * hours


def _gflops(row: Row) -> float | None:
    return (row.cost.clip_gflops or row.cost.image_gflops) if row.cost else None


def cost_drawing(comparison: Comparison) -> Drawing | None:
    """Accuracy against training hours and against GFLOPs, each where it differs between experiments."""
    column = ALL if ALL in comparison.columns else next(iter(comparison.columns), "")
    rows = [row for row in comparison.finished if row.means[column].seeds] if column else []
    short = max((_hours(row) or 0 for row in rows), default=0) < 1
    time = {"training (minutes)": _minutes} if short else {"training (hours)": _hours}
    axes_of: dict[str, Callable[[Row], float | None]] = {**time, "GFLOPs per view": _gflops}
    shown = {label: get for label, get in axes_of.items() if len({get(row) for row in rows} - {None}) > 1}
    if len(rows) < 2 or not shown:
        return None
    look = looks([row.experiment for row in comparison.rows])
    lines = -(-len(rows) // 3)
    figure, axes = panels(len(shown), PAGE if len(shown) > 1 else COLUMN, 2.1 + 0.14 * lines, sharey=True)
    for axis, (label, get) in zip(axes, shown.items(), strict=True):
        for row in rows:
            if (x := get(row)) is not None:
                mean, mine = row.means[column], look[row.experiment]
                axis.plot([x, x], [100 * mean.low, 100 * mean.high], color=mine.color, linewidth=0.9)
                axis.plot([x], [100 * mean.value], color=mine.color, marker=mine.marker, markersize=4.5, linestyle="",
                          label=row.experiment if axis is axes[0] else None)  # fmt: skip
        low, high = axis.get_xlim()
        axis.set_xscale("log" if low > 0 and high / low > _DECADE else "linear")
        axis.set_xlabel(label)
        axis.grid()
    axes[0].set_ylabel(f"{'mean' if column == ALL else column} {metric_label(comparison)}")
    figure.legend(loc="outside lower center", ncols=3 if len(shown) > 1 else 2, handletextpad=0.2)
    devices = sorted({row.cost.device for row in rows if row.cost and row.cost.device})
    what = "Mean over the data sets; bars" if column == ALL else "Bars"
    caption = (
        f"{what}: 95% intervals. Training on {'; '.join(devices) or 'an unknown device'}."
        f"{' Hours on different devices cannot be compared.' if len(devices) > 1 else ''} GFLOPs: multiply-accumulates"
        " of one clip (of one image where there are no clips), attention included."
    )
    return Drawing("cost", "Accuracy and cost", caption, figure)


def views_drawing(comparison: Comparison) -> Drawing | None:
    """Accuracy by views of a sample, from all evaluations that a run has; nothing is trained for it."""
    found = {row.experiment: table for row in comparison.finished if (table := _evaluations(row, comparison.metric))}
    names = [name for name in comparison.statistics.datasets
             if any(len(table.get(name, {})) > 1 for table in found.values())]  # fmt: skip
    if not names:
        return None
    look = looks([row.experiment for row in comparison.rows])
    figure, axes = panels(len(names), PAGE if len(names) > 1 else COLUMN, 1.9 + 0.14 * (-(-len(found) // 3)))
    for axis, name in zip(axes, names, strict=True):
        for experiment, table in found.items():
            if len(points := sorted(table.get(name, {}).items())) > 1:
                mine, (places, values) = look[experiment], zip(*points, strict=True)
                means = [100 * sum(each) / len(each) for each in values]
                axis.plot([_views(place) for place in places], means, color=mine.color, linestyle=mine.linestyle,
                          marker=mine.marker, markersize=3.5, label=experiment)  # fmt: skip
        axis.set_title(name)
        ticks = sorted({_views(place) for table in found.values() for place in table.get(name, {})})
        axis.set_xscale("log")
        axis.set_xticks(ticks, [str(tick) for tick in ticks])
        axis.minorticks_off()
        axis.set_xlabel("views of a sample")
        axis.grid()
    axes[0].set_ylabel(metric_label(comparison))
    handles = {label: handle for axis in axes for handle, label in zip(*axis.get_legend_handles_labels(), strict=True)}
    figure.legend(handles.values(), handles, loc="outside lower center", ncols=3)
    several = sorted({place for table in found.values() for points in table.values() for place in points})
    kinds = ", ".join(
        f"{clips} x {crops}{f' of {frames} frames' if frames else ''}" for frames, clips, crops in several
    )
    caption = f"Evaluations of the same models with other views (clips x crops): {kinds}; means over seeds."
    return Drawing("views", "Effect of frames and views", caption, figure)


Setting = tuple[int, int, int]
"""(frames, or 0 where the evaluation leaves them as in training; clips; crops)."""


def _views(setting: Setting) -> int:
    return setting[1] * setting[2]


def _evaluations(row: Row, metric: str) -> dict[str, dict[Setting, list[float]]]:
    """Data set -> setting -> accuracy of each seed, on the split that the tables report."""
    found: dict[str, dict[Setting, list[float]]] = defaultdict(lambda: defaultdict(list))
    for run in row.runs:
        for file in sorted(run.ref.evaluation.parent.glob("*/metrics.json")):
            try:
                content = json.loads(file.read_text(encoding="utf-8"))
                how = content.get("evaluation") or {}
                setting = (how.get("num_frames") or 0, how.get("clips", 1), how.get("crops", 1))
                values = {name: result[metric] for name, result in content["datasets"].items()
                          if name in run.datasets and result["split"] == run.datasets[name].split}  # fmt: skip
            except (OSError, ValueError, KeyError, AttributeError, TypeError):
                continue  # another evaluation's damage is no reason to draw nothing
            for name, value in values.items():
                if value is not None:
                    found[name][setting].append(value)
    return found
