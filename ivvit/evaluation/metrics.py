"""From the predictions of a split to numbers with their uncertainty."""

from dataclasses import dataclass

import numpy as np

from ivvit.evaluation.intervals import accuracy_interval
from ivvit.evaluation.rows import Rows
from ivvit.evaluation.summary import hits, summarize

BINS = 15
"""Of the calibration error: equal widths, as Guo et al. (ICML 2017) have them."""


@dataclass(frozen=True)
class ClassAccuracy:
    """A class by its name."""

    name: str
    num_samples: int
    top1: float | None
    """None for a class without samples."""


@dataclass(frozen=True)
class DatasetMetrics:
    """An evaluation of one data set, as in metrics.json."""

    split: str
    classes: int
    num_samples: int
    num_groups: int
    """Samples of one group belong together (clips of one video, say): they are no independent evidence."""
    top1: float
    top1_interval: tuple[float, float]
    """95%: Wilson's, over the effective number of samples where some belong together."""
    top5: float | None
    top5_interval: tuple[float, float] | None
    loss: float
    mean_class_accuracy: float
    """Over the classes that have samples."""
    ece: float
    """Expected calibration error of the most probable class, in BINS bins of equal width."""
    per_class: list[ClassAccuracy]
    unreadable: list[str]
    """Files that had to be left out."""


def dataset_metrics(
    rows: Rows, *, classes: list[str], groups: list[str], split: str, unreadable: list[str]
) -> DatasetMetrics:
    """All numbers of at least one sample.

    Args:
        rows: the predictions of the samples that could be read.
        classes: the names of the classes, by index.
        groups: the group of each row.
        split: the split's name.
        unreadable: the files that have no row.
    """
    summary, (first, five) = summarize(rows, len(classes)), hits(rows)
    numbers = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)[1]
    per_class = _per_class(rows.label, first, classes)
    return DatasetMetrics(
        split=split, classes=len(classes), num_samples=len(rows), num_groups=int(numbers.max()) + 1,
        top1=summary.top1, top1_interval=accuracy_interval(first, numbers),
        top5=summary.top5, top5_interval=None if summary.top5 is None else accuracy_interval(five, numbers),
        loss=summary.loss,
        mean_class_accuracy=float(np.mean([entry.top1 for entry in per_class if entry.top1 is not None])),
        ece=calibration_error(rows.top_probability[:, 0], first), per_class=per_class, unreadable=unreadable,
    )  # fmt: skip


def calibration_error(confidence: np.ndarray, correct: np.ndarray) -> float:
    """Mean distance of accuracy and confidence over bins ((b - 1) / BINS, b / BINS], weighed by their samples."""
    bins = np.clip(np.ceil(confidence.astype(np.float64) * BINS).astype(int) - 1, 0, BINS - 1)
    gaps = np.bincount(bins, correct.astype(np.float64) - confidence, BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _per_class(labels: np.ndarray, first: np.ndarray, classes: list[str]) -> list[ClassAccuracy]:
    counts = np.bincount(labels, minlength=len(classes)).tolist()
    right = np.bincount(labels, first, len(classes)).tolist()
    return [
        ClassAccuracy(name, count, hit / count if count else None)
        for name, count, hit in zip(classes, counts, right, strict=True)
    ]
