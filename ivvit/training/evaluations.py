"""The evaluations of a run: when one is due, what it finds, and who is told."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from ivvit.data.batch import Batch
from ivvit.training.best import Best
from ivvit.training.evaluate import Evaluation, evaluate, mean_metrics
from ivvit.training.feed import Feed
from ivvit.training.history import History
from ivvit.training.job import TrainJob
from ivvit.training.surroundings import Surroundings
from ivvit.training.trainer import Trainer

log = logging.getLogger("ivvit.training")


class GiveUp(Exception):
    """A stop was asked for in the middle of an evaluation."""


class _Polls:
    """Asks before each batch, and equally often in all processes, however many batches each of them finds readable."""

    def __init__(self, count: int, ask: Callable[[], None]) -> None:
        self._left, self._ask = count, ask

    def next(self) -> None:
        """Ask, if it is not done."""
        if self._left:
            self._left -= 1
            self._ask()

    def before_end(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The same batches; what is left to ask is asked after the last one."""
        yield from batches
        while self._left:
            self.next()


class Evaluations:
    """Evaluates a trainer's model on all data sets; `done` is the iteration of the last one, `best` the best so far."""

    def __init__(
        self, job: TrainJob, around: Surroundings, feed: Feed, trainer: Trainer, state: dict[str, Any] | None
    ) -> None:
        self._job, self._around, self._feed, self._trainer = job, around, feed, trainer
        self.done: int = state["evaluated"] if state else 0
        self.best = Best(job.experiment.evaluation, state and state["best"])

    def due(self, iteration: int) -> bool:
        """Whether the model after so many iterations is to be evaluated and was not yet."""
        every = self._job.experiment.evaluation.every
        last = iteration == self._job.experiment.iterations
        return (last or bool(every and iteration and iteration % every == 0)) and self.done < iteration

    def run(self, iteration: int, history: History) -> bool:
        """Evaluate the model as it is; True if the caller wants the run to end here.

        Raises:
            GiveUp: a stop was asked for meanwhile; nothing is noted.
        """
        with self._trainer.result_weights():
            results = {name: self._evaluate(name) for name in self._job.experiment.datasets}
            self.best.offer(iteration, results, self._trainer.model)
        metrics = {name: result.metrics for name, result in results.items()}
        history.add_evaluation(iteration, metrics)
        self.done = iteration
        self._announce(iteration, metrics)
        if self._around.on_evaluation is None:
            return False
        world = self._around.world
        summary = {"datasets": metrics, "mean": mean_metrics(metrics)}
        answer = world.leads and self._around.on_evaluation(iteration, summary)
        return bool(world.tell(answer)) and iteration < self._job.experiment.iterations

    def _evaluate(self, name: str) -> Evaluation:
        data, trainer, around = self._feed.val[name], self._trainer, self._around
        batches_each = math.ceil(data.num_samples / around.world.size / self._job.experiment.evaluation.batch_size)
        polls = _Polls(batches_each, self._give_up_if_asked)
        with closing(self._feed.evaluation(name)) as batches:
            return evaluate(
                trainer.model, name, polls.before_end(batches), data.paths, data.num_classes, trainer.precision,
                around.device, around.world, polls.next,
            )  # fmt: skip

    def _give_up_if_asked(self) -> None:
        if self._around.world.agree(int(self._around.pace.stop.reason() is not None)):
            raise GiveUp

    def _announce(self, iteration: int, metrics: dict[str, dict[str, Any]]) -> None:
        values = {f"val_{key}/{name}": m[key] for name, m in metrics.items() for key in ("top1", "top5", "loss")}
        self._around.tracker.log_metrics(values, iteration)
        text = "  ".join(f"{name} top1 {m['top1']:.4f} loss {m['loss']:.4f}" for name, m in metrics.items())
        if self._around.world.leads:
            log.info("%s: after %d iterations: %s", self._job.name, iteration, text)
