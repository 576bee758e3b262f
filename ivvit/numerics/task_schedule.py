"""Which data sets give a batch in an iteration: a pure function of (seed, iteration).

`all`: every data set, in order; `alternating`, `uniform`, `weighted`: one data set (Likhosherstov et al., "PolyViT",
arXiv 2111.12993, section 3.2).
"""

from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from ivvit.numerics.rng import Rng

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment


class TaskSchedule:
    """The order of data sets over all iterations, worked out once."""

    def __init__(self, experiment: "Experiment", seed: int) -> None:
        self.datasets = list(experiment.datasets)
        turns = _turns(experiment, seed)  # (iterations, data sets), True where a batch is drawn
        self._turns = turns
        self._before = np.concatenate([np.zeros((1, turns.shape[1]), np.int64), turns.cumsum(0)])

    def at(self, iteration: int) -> list[str]:
        """The data sets of iteration 0, 1, ..., in the order of their turns."""
        return [name for name, turn in zip(self.datasets, self._turns[iteration], strict=True) if turn]

    def steps_before(self, iteration: int) -> dict[str, int]:
        """How many batches each data set has given before an iteration."""
        return dict(zip(self.datasets, self._before[iteration].tolist(), strict=True))


def _turns(experiment: "Experiment", seed: int) -> np.ndarray:
    count, total = len(experiment.datasets), experiment.iterations
    match experiment.task_schedule:
        case "all":
            return np.ones((total, count), bool)
        case "alternating":
            chosen = np.arange(total) % count
        case "uniform":
            chosen = _draw([1.0] * count, total, seed)
        case _:
            chosen = _draw([use.task_weight for use in experiment.datasets.values()], total, seed)
    return chosen[:, None] == np.arange(count)


def _draw(weights: list[float], total: int, seed: int) -> np.ndarray:
    """Rng from one stream, so that iteration i is the same whatever the number of iterations."""
    rng, edges = Rng(seed, "task-schedule"), list(accumulate(weights))
    points = [rng.uniform(0, edges[-1]) for _ in range(total)]
    return np.searchsorted(edges[:-1], points, side="right")
