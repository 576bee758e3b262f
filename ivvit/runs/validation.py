"""The evaluations of a run: when one is due, what it finds, and who is told."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ivvit.evaluation.evaluate import Evaluation, evaluate, mean_metrics
from ivvit.numerics.batch import Batch
from ivvit.numerics.trainer import Trainer
from ivvit.runs.best import Best
from ivvit.runs.context import RunContext
from ivvit.runs.feed import Feed
from ivvit.runs.history import History
from ivvit.runs.job import TrainJob

log = logging.getLogger("ivvit")


class GiveUp(Exception):
    """A stop was asked for where nothing can be saved: in an evaluation, or while a batch is waited for."""


class Evaluations:
    """Evaluates a trainer's model on all data sets; `done` is the iteration of the last one, `best` the best so far."""

    def __init__(
        self, job: TrainJob, context: RunContext, feed: Feed, trainer: Trainer, state: dict[str, Any] | None
    ) -> None:
        self._job, self._context, self._feed, self._trainer = job, context, feed, trainer
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
        if self._context.on_evaluation is None:
            return False
        world = self._context.world
        summary = {"datasets": metrics, "mean": mean_metrics(metrics)}
        answer = world.leads and self._context.on_evaluation(iteration, summary)
        return bool(world.broadcast(answer)) and iteration < self._job.experiment.iterations

    def _evaluate(self, name: str) -> Evaluation:
        data, trainer, context = self._feed.val[name], self._trainer, self._context
        with closing(self._feed.evaluation(name)) as batches:
            return evaluate(
                trainer.model, name, self._asking(batches, len(data.samples)), data.samples.paths,
                data.samples.num_classes,
                trainer.precision, context.device, context.world, data.options.max_damaged,
            )  # fmt: skip

    def _asking(self, batches: Iterator[Batch], samples: int) -> Iterator[Batch]:
        """The same batches; asks before each whether to stop, equally often in processes that have one batch less."""
        for _ in range(-(-samples // (self._context.world.size * self._job.experiment.evaluation.batch_size))):
            self._give_up_if_asked()
            if (batch := next(batches, None)) is not None:
                yield batch

    def _give_up_if_asked(self) -> None:
        if self._context.world.agree(int(self._context.pace.stop.reason() is not None)):
            raise GiveUp

    def _announce(self, iteration: int, metrics: dict[str, dict[str, Any]]) -> None:
        values = {f"val_{key}/{name}": m[key] for name, m in metrics.items() for key in ("top1", "top5", "loss")}
        self._context.tracker.log_metrics(values, iteration)
        text = "  ".join(f"{name} top1 {m['top1']:.4f} loss {m['loss']:.4f}" for name, m in metrics.items())
        if self._context.world.leads:
            log.info("%s: after %d iterations: %s", self._job.name, iteration, text)
