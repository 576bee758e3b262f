"""One attempt to train a trial, by all processes of a worker together."""

from collections.abc import Callable
from typing import Any

from ivvit.study.job import Train
from ivvit.study.team import alone, gather
from ivvit.training.job import Diverged, Result, TrainJob


def attempt(train: Train, run: TrainJob, on_evaluation: Callable[[int, dict[str, Any]], bool]) -> Result | str:
    """Train; gives the result, or why the parameters do not train at all (a loss that is not finite).

    Raises:
        Exception: whatever else stopped the training.
    """
    reason, result, failure = None, None, None
    try:
        result = train(run, on_evaluation)
    except Diverged as error:
        reason = str(error)
    except RuntimeError as error:  # another process may have met the loss, and left this one alone
        if alone():
            raise
        failure = error
    reason = next((told for told in gather(reason) if told), None)
    if reason is None and failure is not None:
        raise failure
    return result if reason is None else reason
