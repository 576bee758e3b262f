"""Which classes are taken for which: a matrix per data set of its best experiment, all seeds together."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from ivvit.results.comparison import Comparison, Row
from ivvit.results.draw.style import COLUMN, PAGE, Drawing, literal, shortened
from ivvit.results.runs import Run
from ivvit.results.safe import plain

_NAMED = 30
"""Classes up to which each has its name at the axis."""
_PAIRS = 18


def confusion_drawings(comparison: Comparison) -> list[Drawing]:
    """A matrix per data set; with many classes clustered, and the worst pairs listed beside it."""
    found = []
    for name in comparison.statistics.datasets:
        if (row := best_row(comparison, name)) is not None:
            found.append(_drawing(comparison, name, row))
    return found


def best_row(comparison: Comparison, dataset: str) -> Row | None:
    """The experiment with the largest accuracy on a data set."""
    rows = [row for row in comparison.finished if any(dataset in run.datasets for run in row.runs)]
    metric = comparison.metric if dataset in comparison.statistics.measured else "top1"
    values = {row.experiment: np.mean([run.datasets[dataset].value(metric) or 0 for run in row.runs
                                       if dataset in run.datasets]) for row in rows}  # fmt: skip
    return max(rows, key=lambda row: values[row.experiment], default=None)


def confusion(runs: Sequence[Run], dataset: str) -> tuple[list[str], np.ndarray]:
    """(the classes' names, counts (classes, classes): true, predicted)."""
    runs = [run for run in runs if dataset in run.datasets]
    names = [plain(entry.name) for entry in runs[0].datasets[dataset].per_class]
    size, counts = len(names), np.zeros(len(names) ** 2, np.int64)
    for run in runs:
        found = run.predictions[dataset]
        counts += np.bincount(found.labels.astype(np.int64) * size + found.predicted, minlength=size**2)
    return names, counts.reshape(size, size)


def clustered(counts: np.ndarray) -> np.ndarray:
    """An order of the classes in which those that are taken for each other are neighbours."""
    rates = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    near = (rates + rates.T) / 2
    far = np.clip(1 - near, 0, 1)
    np.fill_diagonal(far, 0)
    if len(far) < 3:
        return np.arange(len(far))
    distances = squareform(far, checks=False)
    tree = linkage(distances, "average")
    return leaves_list(optimal_leaf_ordering(tree, distances) if len(far) <= 120 else tree)


def worst_pairs(names: Sequence[str], counts: np.ndarray, most: int) -> list[tuple[str, str, int, int]]:
    """(true, predicted, how often, of how many), the most frequent confusions first."""
    wrong = counts - np.diag(counts.diagonal())
    order = np.argsort(-wrong, axis=None, kind="stable")[:most]
    places = [divmod(int(index), len(names)) for index in order]
    return [(names[t], names[p], int(wrong[t, p]), int(counts[t].sum())) for t, p in places if wrong[t, p]]


def _drawing(comparison: Comparison, dataset: str, row: Row) -> Drawing:
    names, counts = confusion(row.runs, dataset)
    names = [comparison.words(dataset).get(name, name) for name in names]
    few = len(names) <= _NAMED
    seeds = f", {len(row.runs)} seeds together" if len(row.runs) > 1 else ""
    order_text = "" if few else " Classes are ordered so that those taken for each other are neighbours."
    caption = (
        f"{row.experiment}, the best on {dataset}{seeds}: share of each true class by predicted class,"
        f" n = {counts.sum():,}.{order_text}"
    )
    wide = not few or _side(len(names)) > COLUMN
    paint = partial(_paint, names, counts)
    return Drawing(f"confusion_{dataset}", f"Confusion matrix of {dataset}", caption, paint, wide)


def _side(classes: int) -> float:
    """Inches of a matrix with names."""
    return min(max(COLUMN, 1.2 + 0.19 * classes), PAGE)


def _paint(names: list[str], counts: np.ndarray) -> Figure:
    few, side = len(names) <= _NAMED, _side(len(names))
    # the scale beside it takes some of the width, and the matrix is square
    figure = Figure(figsize=(side, 0.85 * side) if few else (PAGE, COLUMN), layout="constrained")
    axes = figure.subplots(1, 1 if few else 2, squeeze=False, width_ratios=[1] if few else [1.0, 0.95])[0]
    order = np.arange(len(names)) if few else clustered(counts)
    _matrix(figure, axes[0], [names[index] for index in order], counts[np.ix_(order, order)])
    if not few:
        _list(axes[1], worst_pairs(names, counts, _PAIRS))
    return figure


def _matrix(figure: Figure, axis: Axes, names: list[str], counts: np.ndarray) -> None:
    rates = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axis.imshow(rates, cmap="Greys", norm=PowerNorm(0.5, 0, 100), interpolation="nearest")
    axis.set_ylabel("true class")
    axis.set_xlabel("predicted class")
    for side in axis.spines.values():
        side.set_visible(True)
    if len(names) <= _NAMED:
        axis.set_xticks(range(len(names)), [_short(name) for name in names], rotation=90, fontsize=6)
        axis.set_yticks(range(len(names)), [_short(name) for name in names], fontsize=6)
    else:
        axis.set_xticks([])
        axis.set_yticks([])
    if len(names) <= 12:
        for (t, p), value in np.ndenumerate(rates):
            axis.text(
                p, t, f"{value:.0f}", ha="center", va="center", fontsize=6, color="white" if value > 30 else "black"
            )
    figure.colorbar(image, ax=axis, shrink=0.7, label="% of true class", ticks=[0, 1, 5, 10, 25, 50, 100])


def _list(axis: Axes, pairs: list[tuple[str, str, int, int]]) -> None:
    axis.set_axis_off()
    axis.set_title("most frequent confusions", loc="left")
    lines = [f"{_short(t, 22)} → {_short(p, 22)}" for t, p, *_ in pairs]
    for place, (line, (_, _, count, total)) in enumerate(zip(lines, pairs, strict=True)):
        height = 1 - (place + 0.5) / _PAIRS
        axis.text(0.13, height, line, fontsize=6, va="center", transform=axis.transAxes)
        axis.text(0.11, height, f"{count}/{total}", fontsize=6, va="center", ha="right", transform=axis.transAxes)


def _short(name: str, most: int = 18) -> str:
    return literal(shortened(name, most))
