"""One start of a run: from the beginning or a checkpoint to the end, a stop or a pruning."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import NoReturn

from ivvit.data.batch import Batch
from ivvit.errors import UserError
from ivvit.training.best import model_copy
from ivvit.training.checkpoint import keep_newest
from ivvit.training.evaluate import mean_metrics
from ivvit.training.evaluations import Evaluations, GiveUp
from ivvit.training.feed import Feed
from ivvit.training.history import History
from ivvit.training.initial import image_size, initial_model
from ivvit.training.job import Interrupted, Result, TrainJob
from ivvit.training.memory import enough_memory
from ivvit.training.outputs import write_metrics, write_model
from ivvit.training.pace import FLUSH, SAVE, STOP
from ivvit.training.progress import Reporter, device_memory
from ivvit.training.resume import find_state, fingerprint
from ivvit.training.sample_log import SampleLog
from ivvit.training.saver import Saver
from ivvit.training.stopwatch import Stopwatch
from ivvit.training.substitutes import Substitutes
from ivvit.training.surroundings import Surroundings
from ivvit.training.trainer import Trainer

log = logging.getLogger("ivvit.training")


class Session:
    """The state of a run in memory, and its course."""

    def __init__(self, job: TrainJob, around: Surroundings) -> None:
        self._job, self._around, self._world = job, around, around.world
        self._total = job.experiment.iterations
        state = find_state(job)
        model = initial_model(job, with_weights=state is None)
        feed = self._feed = Feed(job, image_size(model), self._world, around.device, self._poll)
        self._trainer = Trainer(
            model, job.experiment, job.seed, around.device, self._world, compiled=job.runtime.compile
        )
        self.iteration = 0
        if state is not None:
            self._trainer.load_state_dict(state["trainer"])
            self.iteration = state["iteration"]
            log.info("%s: going on from iteration %d of %d", job.name, self.iteration, self._total)
        if len(set(self._world.gather(self.iteration))) > 1:
            raise UserError(f"the nodes see different checkpoints in {job.folder / 'state'}; start again")
        self._evaluations = Evaluations(job, around, feed, self._trainer, state)
        self._substitutes = Substitutes(state["substitutes"] if state else {}, self._world)
        batch_sizes = {name: use.batch_size for name, use in job.experiment.datasets.items()}
        self._history = History(
            job.folder / "history.csv", batch_sizes, self._world, self.iteration, self._evaluations.done
        )
        self._samples = SampleLog(around.sample_log, self._world, self.iteration)
        self._saver = Saver(job.folder / "state", job.name)
        self._progress: Reporter | None = None
        self._unreported = 0
        self.watch = Stopwatch()

    def run(self, progress: Reporter | None) -> Result:
        """Train to the end.

        Raises:
            Interrupted: a stop was asked for, and the state is saved.
            UserError: a loss is not finite, or the disk is full.
        """
        self._progress = progress
        try:
            with closing(self._feed.batches(self.iteration)) as batches:
                pruned = self._evaluations.due(self.iteration) and self._evaluate()
                while not pruned and self.iteration < self._total:
                    self._iterate(self._next(batches))
                    pruned = self._after_iteration()
            return self._pruned() if pruned else self._finish()
        finally:
            self._saver.wait()

    def _next(self, batches: Iterator[dict[str, Batch]]) -> dict[str, Batch]:
        try:
            with self.watch.phase("data" if self.watch.iterations else "start"):
                return next(batches)
        except GiveUp:  # the state between two iterations is whole
            self._flush()
            self._stop()

    def _poll(self) -> None:
        """While a batch is waited for, perhaps for ever. Several processes would not agree here on a place to stop."""
        if self._world.size == 1 and self._around.pace.stop.reason():
            raise GiveUp

    def _iterate(self, batches: dict[str, Batch]) -> None:
        with self.watch.phase("train"), enough_memory("batch_size, or raise accumulate"):
            step = self._trainer.run(self.iteration, batches)
        self.iteration += 1
        self._history.add(step)
        self._samples.add(self.iteration, batches)
        samples = sum(self._job.experiment.datasets[name].batch_size for name in batches)
        self.watch.iterations += 1
        self.watch.samples += samples
        self._unreported += samples
        self._substitutes.count(batches)

    def _after_iteration(self) -> bool:
        """Write, stop, evaluate and save as it is time to; True if the caller wants the run pruned."""
        actions, due = self._around.pace.actions(), self._evaluations.due(self.iteration)
        if actions & (FLUSH | SAVE | STOP) or due:
            self._flush()
        if actions & STOP:
            self._stop()
        if actions & SAVE or self.iteration == self._total:
            self._save()  # an evaluation to come may take long
        return due and self._evaluate()

    def _flush(self) -> None:
        with self.watch.phase("train"):  # waits for the device
            latest = self._history.flush()
        self._samples.flush()
        for name, values in latest.items():
            values = {f"train_{key}/{name}": value for key, value in values.items()}
            self._around.tracker.log_metrics(values, self.iteration)
        if self._progress is not None:
            memory = device_memory(self._around.device)
            self._progress.update(self.iteration, self._unreported, self._history.latest, memory)
        self._unreported = 0

    def _evaluate(self) -> bool:
        self._trainer.assert_finite()
        try:
            with self.watch.phase("evaluate"), enough_memory("evaluation.batch_size"):
                return self._evaluations.run(self.iteration, self._history)
        except GiveUp:
            self._stop()

    def _save(self, at_once: bool = False) -> None:
        """Write a checkpoint; all processes call it together.

        None is written whose rows of the history are not: going on from it would leave a gap there.
        """
        self._trainer.assert_finite()
        if at_once:
            self._settle()
        substitutes = self._substitutes.total()
        with self.watch.phase("save"):
            if self._world.leads and not self._history.behind():
                (self._saver.save if at_once else self._saver.start)(self.iteration, {
                    "job": fingerprint(self._job),
                    "evaluated": self._evaluations.done,
                    "best": self._evaluations.best.state,
                    "substitutes": substitutes,
                    "trainer": self._trainer.state_dict(),
                })  # fmt: skip
        self._around.pace.saved()

    def _settle(self) -> None:
        self._history.settle()
        self._samples.settle()

    def _stop(self) -> NoReturn:
        self._save(at_once=True)
        reason = self._world.tell(self._around.pace.stop.reason())
        raise Interrupted(
            f"{self._job.name}: stopped after {self.iteration} of {self._total} iterations ({reason}); "
            "the state is saved, start it again to go on"
        )

    def _pruned(self) -> Result:
        self._settle()
        metrics = self._evaluations.best.state["metrics"]
        return Result(self._job.folder, {"datasets": metrics, "mean": mean_metrics(metrics)}, pruned=True)

    def _finish(self) -> Result:
        self._save(at_once=True)
        best, options = self._evaluations.best.state, self._job.experiment.evaluation
        metrics = {
            "datasets": best["metrics"],
            "mean": mean_metrics(best["metrics"]),
            "iterations": self._total,
            "model": {"kept": options.keep, "iteration": best["iteration"]},
            "seed": self._job.seed,
            "skipped_steps": self._trainer.skipped,
            "substitutes": self._substitutes.total(),
        }
        with self._trainer.result_weights():
            model = best["model"] or model_copy(self._trainer.model)
        if self._world.leads:
            write_model(self._job.folder, model)
            write_metrics(self._job.folder, metrics, best["confusion"])
            # brings metrics.json back: Snakemake removes it before a job that was queued when it was not there
            keep_newest(self._job.folder / "state", 1)
        return Result(self._job.folder, metrics)
