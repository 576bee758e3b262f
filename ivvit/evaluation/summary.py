"""The numbers that something may be selected by, and means of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ivvit.evaluation.rows import Rows

FEWEST_FOR_TOP5 = 6
"""With fewer classes, the first five are all of them."""


@dataclass(frozen=True)
class Summary:
    """What is selected by: accuracies are fractions, `loss` is the mean cross entropy."""

    top1: float
    top5: float | None
    """None where there are fewer than six classes."""
    loss: float
    num_samples: int


@dataclass(frozen=True)
class MeanMetrics:
    """Means over data sets; None where one of them has no such number."""

    top1: float
    top5: float | None
    loss: float


class _Numbers(Protocol):
    """Of one data set."""

    @property
    def top1(self) -> float: ...
    @property
    def top5(self) -> float | None: ...
    @property
    def loss(self) -> float: ...


def summarize(rows: Rows, classes: int) -> Summary:
    """The numbers that something may be selected by, of at least one sample."""
    first, five = hits(rows)
    top5 = float(five.mean()) if classes >= FEWEST_FOR_TOP5 else None
    return Summary(float(first.mean()), top5, float(rows.loss.mean(dtype=np.float64)), len(rows))


def hits(rows: Rows) -> tuple[np.ndarray, np.ndarray]:
    """Whether the true class is the first, and whether it is among the first five; bool (N,) each."""
    found = rows.top == rows.label[:, None]
    return found[:, 0], found.any(1)


def mean_metrics(values: Mapping[str, _Numbers]) -> MeanMetrics:
    """The means over data sets."""
    entries = list(values.values())
    top5 = [entry.top5 for entry in entries if entry.top5 is not None]
    return MeanMetrics(
        top1=sum(entry.top1 for entry in entries) / len(entries),
        top5=sum(top5) / len(top5) if len(top5) == len(entries) else None,
        loss=sum(entry.loss for entry in entries) / len(entries),
    )
