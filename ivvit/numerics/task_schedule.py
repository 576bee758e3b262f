"""Which data sets give a batch in an iteration: a pure function of (seed, iteration), `weighted` of all iterations too.

`all`: every data set, in order; `alternating`, `uniform`, `weighted`: one data set (Likhosherstov et al., "PolyViT",
arXiv 2111.12993, section 3.2).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ivvit.numerics.permutation import Permutation
from ivvit.numerics.rng import Rng

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment


class TaskSchedule:
    """The order of data sets over all iterations, worked out once."""

    def __init__(self, experiment: "Experiment", seed: int, sizes: Mapping[str, int]) -> None:
        """`sizes`: training samples of each data set."""
        self.datasets = list(experiment.datasets)
        turns = _turns(experiment, seed, sizes)  # (iterations, data sets), True where a batch is drawn
        self._turns = turns
        self._before = np.concatenate([np.zeros((1, turns.shape[1]), np.int64), turns.cumsum(0)])

    def at(self, iteration: int) -> list[str]:
        """The data sets of iteration 0, 1, ..., in the order of their turns."""
        return [name for name, turn in zip(self.datasets, self._turns[iteration], strict=True) if turn]

    def steps_before(self, iteration: int) -> dict[str, int]:
        """How many batches each data set has given before an iteration."""
        return dict(zip(self.datasets, self._before[iteration].tolist(), strict=True))


def task_shares(experiment: "Experiment", sizes: Mapping[str, int]) -> dict[str, float]:
    """weighted: each data set's share of all turns."""
    given = {name: use.task_weight for name, use in experiment.datasets.items()}
    weights = {name: float(sizes[name]) for name in given} if experiment.task_weights == "samples" else given
    raised = {name: weight ** (1 / experiment.task_temperature) for name, weight in weights.items()}
    return {name: weight / sum(raised.values()) for name, weight in raised.items()}


def _turns(experiment: "Experiment", seed: int, sizes: Mapping[str, int]) -> np.ndarray:
    count, total = len(experiment.datasets), experiment.iterations
    match experiment.task_schedule:
        case "all":
            return np.ones((total, count), bool)
        case "alternating":
            chosen = np.arange(total) % count
        case "uniform":
            chosen = _draw(count, total, seed)
        case _:
            chosen = _shuffled(list(task_shares(experiment, sizes).values()), total, seed)
    return chosen[:, None] == np.arange(count)


def _draw(count: int, total: int, seed: int) -> np.ndarray:
    """From one stream, so that iteration i is the same whatever the number of iterations."""
    rng = Rng(seed, "task-schedule")
    return np.array([rng.integer(count) for _ in range(total)])


def _shuffled(shares: list[float], total: int, seed: int) -> np.ndarray:
    """Each data set exactly as often as its share says (to one turn), in an order of the seed: Scenic's rule.

    The order is of all iterations: more of them have another order from the first one on.
    """
    exact = np.array(shares) * total
    counts = np.floor(exact).astype(np.int64)
    for index in np.argsort(-(exact - counts), kind="stable")[: total - counts.sum()]:  # the largest remainders
        counts[index] += 1
    turns, order = np.repeat(np.arange(len(shares)), counts), Permutation(total, seed, "task-schedule")
    return turns[[order[i] for i in range(total)]]
