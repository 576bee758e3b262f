"""Which classes one experiment knows better than another, and how far its confidence can be believed."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ivvit.results.comparison import Comparison, Row
from ivvit.results.draw.confusions import best_row
from ivvit.results.draw.style import (
    COLOURS,
    COLUMN,
    PAGE,
    Drawing,
    Look,
    literal,
    looks,
    panels,
    short_names,
    shortened,
)
from ivvit.results.predictions import BINS
from ivvit.results.safe import plain

_SHOWN, _FEW = 12, 100


def class_drawings(comparison: Comparison) -> list[Drawing]:
    """Per data set: the best experiment's classes against the baseline's (else against the second best)."""
    found = []
    for name in comparison.statistics.datasets:
        first, second = compared(comparison, name)
        if (
            first is not None
            and second is not None
            and (drawing := _drawing(comparison, name, first, second)) is not None
        ):
            found.append(drawing)
    return found


def compared(comparison: Comparison, dataset: str) -> tuple[Row | None, Row | None]:
    """(the best experiment, the one it is compared with)."""
    first = best_row(comparison, dataset)
    rows = [row for row in comparison.finished if any(dataset in run.datasets for run in row.runs) and row is not first]
    base = next((row for row in rows if row.experiment == comparison.baseline), None)
    values = {row.experiment: comparison.statistics.mean(row.experiment, dataset).value for row in rows}
    return first, base or max(rows, key=lambda row: np.nan_to_num(values[row.experiment]), default=None)


def class_accuracies(row: Row, dataset: str) -> tuple[list[str], np.ndarray]:
    """(names, accuracies (classes,), NaN for a class without samples); the mean over seeds."""
    results = [run.datasets[dataset].per_class for run in row.runs if dataset in run.datasets]
    values = np.array([[entry.top1 for entry in entries] for entries in results], float)
    return [plain(entry.name) for entry in results[0]], values.mean(0)


def _drawing(comparison: Comparison, dataset: str, first: Row, second: Row) -> Drawing | None:
    names, accuracies = class_accuracies(first, dataset)
    names = [comparison.words(dataset).get(name, name) for name in names]
    differences = 100 * (accuracies - class_accuracies(second, dataset)[1])
    order = np.argsort(-np.nan_to_num(differences), kind="stable")
    known = [int(index) for index in order if differences[index] and not np.isnan(differences[index])]
    if not known:
        return None
    many = len(known) > 2 * _SHOWN
    shown = [*known[:_SHOWN], *known[-_SHOWN:]] if many else known
    which = f"the {_SHOWN} largest differences either way" if many else "all classes that differ"
    per_class = int(np.median([entry.num_samples for entry in first.runs[0].datasets[dataset].per_class]))
    caption = (
        f"{first.experiment} minus {second.experiment} on {dataset}, {which}; {per_class} samples a class (median)"
        f"{', so single classes say little' if per_class < _FEW else ''}."
    )
    paint = partial(_paint_classes, [names[index] for index in shown], differences[shown], many)
    return Drawing(f"classes_{dataset}", f"Per-class differences on {dataset}", caption, paint)


def _paint_classes(names: list[str], differences: np.ndarray, many: bool) -> Figure:
    figure, (axis,) = panels(1, COLUMN, 0.6 + 0.13 * max(len(names), 4))
    fill = np.where(differences >= 0, COLOURS[0], "white").tolist()
    axis.barh(range(len(names)), differences, color=fill, edgecolor=COLOURS[0], linewidth=0.7, height=0.7)
    axis.set_yticks(range(len(names)), [literal(shortened(name, 28)) for name in names], fontsize=6)
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.axvline(0, color="0.3", linewidth=0.8)
    if many:
        axis.axhline(_SHOWN - 0.5, color="0.5", linewidth=0.6, linestyle=(0, (1, 2)))
    axis.grid(axis="x")
    axis.set_xlabel("difference of class accuracy (points)")
    return figure


@dataclass(frozen=True)
class Curve:
    """An experiment's in a panel: mean confidence in %, accuracy in %."""

    label: str
    look: Look
    confidence: np.ndarray
    accuracy: np.ndarray


def reliability_drawing(comparison: Comparison) -> Drawing | None:
    """Confidence against accuracy of the best experiment of each data set and the one it is compared with."""
    look = looks([row.experiment for row in comparison.rows])
    found = {}
    for name in comparison.statistics.datasets:
        rows = [row for row in compared(comparison, name) if row is not None]
        if rows:
            names = short_names([row.experiment for row in rows], 24)
            found[name] = [
                Curve(names[row.experiment] + _calibration(row, name), look[row.experiment], *_reliability(row, name))
                for row in rows
            ]
    if not found:
        return None
    caption = (
        f"Samples in {BINS} bins of the predicted class's probability; on the dotted line a model is right as often as"
        " it says. ECE: expected calibration error, in points; seeds together. Bins with fewer than ten samples are"
        " left out."
    )
    return Drawing("reliability", "Reliability", caption, partial(_paint_reliability, found), wide=len(found) > 1)


def _paint_reliability(found: dict[str, list[Curve]]) -> Figure:
    figure, axes = panels(len(found), PAGE if len(found) > 1 else COLUMN, 2.35, sharey=True)
    for axis, (name, curves) in zip(axes, found.items(), strict=True):
        axis.plot([0, 100], [0, 100], color="0.6", linewidth=0.8, linestyle=(0, (1, 1.5)))
        for curve in curves:
            axis.plot(curve.confidence, curve.accuracy, color=curve.look.color, linestyle=curve.look.linestyle,
                      marker=curve.look.marker, markersize=3, clip_on=False, label=curve.label)  # fmt: skip
        _finish(axis, name)
    axes[0].set_ylabel("accuracy (%)")
    return figure


def _finish(axis: Axes, title: str) -> None:
    axis.set_title(title)
    axis.set_xlim(0, 100)
    axis.set_ylim(0, 100)
    axis.grid()
    axis.set_xlabel("confidence (%)")
    axis.legend(loc="upper center", bbox_to_anchor=(0.45, -0.24), fontsize=6, handlelength=2.4)


def _calibration(row: Row, dataset: str) -> str:
    values = [run.datasets[dataset].ece for run in row.runs if dataset in run.datasets]
    known = [value for value in values if value is not None]
    return f", ECE {100 * sum(known) / len(known):.1f}" if known else ""


def _reliability(row: Row, dataset: str) -> tuple[np.ndarray, np.ndarray]:
    """(mean confidence in %, accuracy in %) of each bin."""
    runs = [run.predictions[dataset] for run in row.runs if dataset in run.predictions]
    counts, sure, right = np.sum([mine.bins for mine in runs], axis=0)
    enough = counts >= min(10, counts.sum())
    return 100 * sure[enough] / counts[enough], 100 * right[enough] / counts[enough]
