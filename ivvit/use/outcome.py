"""What a model says of a file."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Window:
    """What a model says of a part of a video, or of an image."""

    start: float
    """Seconds; 0 for an image."""
    end: float
    """Likewise."""
    scores: np.ndarray
    """(classes,) float32, logarithms of probabilities."""


@dataclass(frozen=True)
class Prediction:
    """What one head says of one file."""

    head: str
    windows: list[Window]

    @property
    def probabilities(self) -> np.ndarray:
        """(classes,) over all windows."""
        return np.exp(mean_scores([window.scores for window in self.windows]))


@dataclass(frozen=True)
class FileResult:
    """The outcome for one file."""

    path: str
    seconds: float | None = None
    """A video's length."""
    predictions: tuple[Prediction, ...] = ()
    damage: str = ""
    """Why there are none."""
    sha256: str = ""
    """Of its content."""
    pictures: tuple[bytes, ...] = ()


def mean_scores(scores: Sequence[np.ndarray]) -> np.ndarray:
    """The logarithm of the mean probability of several views, (classes,)."""
    return np.logaddexp.reduce(np.stack(scores).astype(np.float64), 0) - math.log(len(scores))


def ranked(probabilities: np.ndarray, classes: Sequence[str], top: int) -> list[tuple[str, float]]:
    """The `top` most probable classes and their probabilities."""
    order = np.argsort(-probabilities, kind="stable")[:top]
    return [(classes[index], float(probabilities[index])) for index in order.tolist()]
