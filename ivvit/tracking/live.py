"""A live Comet experiment, fed by a thread: training never waits for the network."""

import queue
import threading
from typing import Any

from ivvit.config.canonical import flatten
from ivvit.runs.job import TrainJob
from ivvit.tracking.archive import project
from ivvit.tracking.quiet import OPTIONS, import_comet

_CLOSE_SECONDS = 20.0
_QUEUE = 10_000


class Live:
    """Accepts numbers at once and sends them when it can."""

    def __init__(self, key: str, known: bool, job: TrainJob) -> None:
        self._queue: queue.Queue[tuple[dict[str, float], int] | None] = queue.Queue(_QUEUE)
        self._failed = False
        self._done = threading.Event()
        arguments = (key, known, job.name, job.experiment.model_dump(mode="json"))
        threading.Thread(target=self._send, args=arguments, daemon=True, name="comet").start()

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """Queue the values; returns at once."""
        try:
            self._queue.put_nowait((values, step))
        except queue.Full:
            self._failed = True

    def close(self) -> bool:
        """Wait briefly for the queue to drain; returns whether everything was sent."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            self._failed = True
        return self._done.wait(0 if self._failed else _CLOSE_SECONDS) and not self._failed

    def _send(self, key: str, known: bool, name: str, parameters: dict[str, Any]) -> None:
        try:
            experiment = _connect(key, known, name, parameters)
            while experiment.alive and (item := self._queue.get()) is not None:
                experiment.log_metrics(item[0], step=item[1])
            self._failed |= not experiment.alive
            experiment.end()
        except Exception:  # whatever comet_ml raises: the numbers are in history.csv
            self._failed = True
        finally:
            self._done.set()


def _connect(key: str, known: bool, name: str, parameters: dict[str, Any]) -> Any:
    comet = import_comet()
    if known:
        experiment = comet.ExistingExperiment(previous_experiment=key, **OPTIONS)
        if experiment.alive:
            return experiment
    experiment = comet.Experiment(project_name=project(), experiment_key=key, **OPTIONS)
    experiment.set_name(name)
    experiment.log_parameters(flatten(parameters))
    return experiment
