"""One attempt to train a trial, by all processes of a worker together."""

from collections.abc import Callable
from typing import Any

from ivvit.numerics.finite import Diverged
from ivvit.runs.job import Result, TrainJob
from ivvit.study.job import Train


def attempt(train: Train, run: TrainJob, on_evaluation: Callable[[int, dict[str, Any]], bool]) -> Result | str:
    """Train; gives the result, or why the parameters do not train at all (a loss that is not finite).

    All processes meet such a loss in the same place (see ivvit.numerics.finite).

    Raises:
        Exception: whatever else stopped the training.
    """
    try:
        return train(run, on_evaluation)
    except Diverged as error:
        return str(error)
