"""The validations of a run: when one is due, its results, and who receives them."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import Any

from ivvit.evaluation.evaluate import evaluate
from ivvit.evaluation.summary import Summary, summarize
from ivvit.numerics.batch import Batch
from ivvit.numerics.losses import SUMS
from ivvit.numerics.trainer import Trainer
from ivvit.runs.best import Best, plain
from ivvit.runs.context import RunContext
from ivvit.runs.feed import Feed
from ivvit.runs.history import History
from ivvit.runs.job import TrainJob

log = logging.getLogger("ivvit")


class GiveUp(Exception):
    """A stop was requested where nothing can be saved: in a validation, or while waiting for a batch."""


class Validations:
    """Validates a trainer's model on val; `done` is the iteration of the last one, `best` the best so far."""

    def __init__(
        self, job: TrainJob, context: RunContext, feed: Feed, trainer: Trainer, state: dict[str, Any] | None
    ) -> None:
        self._job, self._context, self._feed, self._trainer = job, context, feed, trainer
        self.done: int = state["evaluated"] if state else 0
        self.best = Best(job.experiment.validation, state and state["best"])

    def due(self, iteration: int) -> bool:
        """Whether the model after so many iterations is to be validated and has not been yet."""
        every = self._job.experiment.validation.every
        last = iteration == self._job.experiment.iterations and self._job.validates
        return (last or bool(every and iteration and iteration % every == 0)) and self.done < iteration

    def run(self, iteration: int, history: History) -> bool:
        """Validate the current model; True if the caller wants the run to end here.

        Raises:
            GiveUp: a stop was requested meanwhile; nothing is recorded.
        """
        with self._trainer.result_weights():
            results = {name: self._look(name) for name in self._job.experiment.datasets}
            self.best.offer(iteration, results, self._trainer.model)
        history.add_validation(iteration, results)
        self.done = iteration
        self._announce(iteration, results)
        if self._context.on_evaluation is None:
            return False
        world = self._context.world
        answer = world.is_main and self._context.on_evaluation(iteration, plain(results))
        return bool(world.broadcast(answer)) and iteration < self._job.experiment.iterations

    def _look(self, name: str) -> Summary:
        data, trainer, context = self._feed.val[name], self._trainer, self._context
        with closing(self._feed.validation(name)) as batches:
            rows = evaluate(
                trainer.model, name, self._asking(batches, len(data.samples)), data.samples, trainer.precision,
                context.device, context.world, data.options.max_damaged,
            )  # fmt: skip
        return summarize(rows, data.samples.num_classes)

    def _asking(self, batches: Iterator[Batch], samples: int) -> Iterator[Batch]:
        """The same batches; checks for a stop before each, equally often in processes that have one batch fewer."""
        for _ in range(-(-samples // (self._context.world.size * self._job.experiment.validation.batch_size))):
            self._give_up_if_asked()
            if (batch := next(batches, None)) is not None:
                yield batch

    def _give_up_if_asked(self) -> None:
        if self._context.world.agree(int(self._context.pace.stop.reason() is not None)):
            raise GiveUp

    def _announce(self, iteration: int, results: dict[str, Summary]) -> None:
        values = {f"val_{key}/{name}": getattr(m, key) for name, m in results.items() for key in SUMS}
        known = {key: value for key, value in values.items() if value is not None}
        self._context.tracker.log_metrics(known, iteration)
        text = "  ".join(f"{name} top1 {m.top1:.4f} loss {m.loss:.4f}" for name, m in results.items())
        if self._context.world.is_main:
            log.info("%s: after %d iterations: %s", self._job.name, iteration, text)
