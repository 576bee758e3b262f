"""One start of a run: from the beginning or a checkpoint to the end, a stop or a pruning."""

import logging
from typing import Any

from ivvit.data.batch import Batch
from ivvit.errors import UserError
from ivvit.training.best import Best, model_copy
from ivvit.training.checkpoint import keep_newest, save_checkpoint
from ivvit.training.evaluate import Evaluation, evaluate, mean_metrics
from ivvit.training.feed import Feed
from ivvit.training.history import History
from ivvit.training.initial import image_size, initial_model
from ivvit.training.job import Interrupted, Result, TrainJob
from ivvit.training.outputs import write_metrics, write_model
from ivvit.training.pace import FLUSH, SAVE, STOP
from ivvit.training.progress import Reporter, device_memory
from ivvit.training.resume import find_state, fingerprint
from ivvit.training.sample_log import SampleLog
from ivvit.training.stopwatch import Stopwatch
from ivvit.training.substitutes import Substitutes
from ivvit.training.surroundings import Surroundings
from ivvit.training.trainer import Trainer

log = logging.getLogger("ivvit.training")


class _GiveUpEvaluation(Exception):
    """A stop was asked for in the middle of an evaluation."""


class Session:
    """The state of a run in memory, and its course."""

    def __init__(self, job: TrainJob, around: Surroundings) -> None:
        self._job, self._around = job, around
        self._world, self._device = around.world, around.device
        self._total = job.experiment.iterations
        state = find_state(job)
        model = initial_model(job, with_weights=state is None)
        self._feed = Feed(job, image_size(model), self._world, pin=self._device.type == "cuda")
        self._trainer = Trainer(
            model, job.experiment, job.seed, self._device, self._world, compiled=job.runtime.compile
        )
        self.iteration, self._evaluated = 0, 0
        if state is not None:
            self._trainer.load_state_dict(state["trainer"])
            self.iteration, self._evaluated = state["iteration"], state["evaluated"]
            log.info("%s: going on from iteration %d of %d", job.name, self.iteration, self._total)
        if len(set(self._world.gather(self.iteration))) > 1:
            raise UserError(f"the nodes see different checkpoints in {job.folder / 'state'}; start again")
        self._best = Best(job.experiment.evaluation, state and state["best"])
        self._substitutes = Substitutes(state["substitutes"] if state else {}, self._world)
        batch_sizes = {name: use.batch_size for name, use in job.experiment.datasets.items()}
        self._history = History(job.folder / "history.csv", batch_sizes, self._world, self.iteration, self._evaluated)
        self._samples = SampleLog(around.sample_log, self._world, self.iteration)
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
        if self._evaluation_due() and self._evaluate():
            return self._pruned()
        batches = self._feed.batches(self.iteration)
        while self.iteration < self._total:
            with self.watch.phase("data" if self.watch.iterations else "start"):
                batch = next(batches)
            self._iterate(batch)
            actions = self._around.pace.actions()
            due = self._evaluation_due()
            if actions & (FLUSH | SAVE | STOP) or due:
                self._flush()
            if actions & STOP:
                self._stop()
            if self.iteration == self._total:
                self._save()  # the evaluation to come may take long
            if due and self._evaluate():
                return self._pruned()
            if actions & SAVE:
                self._save()
        return self._finish()

    def _iterate(self, batches: dict[str, Batch]) -> None:
        with self.watch.phase("train"):
            step = self._trainer.run(self.iteration, batches)
        self.iteration += 1
        self._history.add(step)
        self._samples.add(self.iteration, batches)
        samples = sum(self._job.experiment.datasets[name].batch_size for name in batches)
        self.watch.iterations += 1
        self.watch.samples += samples
        self._unreported += samples
        self._substitutes.count(batches)

    def _flush(self) -> None:
        with self.watch.phase("train"):  # waits for the device
            latest = self._history.flush()
        self._samples.flush()
        for name, values in latest.items():
            values = {f"train_{key}/{name}": value for key, value in values.items()}
            self._around.tracker.log_metrics(values, self.iteration)
        if self._progress is not None:
            memory = device_memory(self._device)
            self._progress.update(self.iteration, self._unreported, self._history.latest, memory)
        self._unreported = 0

    def _evaluation_due(self) -> bool:
        every = self._job.experiment.evaluation.every
        now = self.iteration == self._total or (every is not None and self.iteration and self.iteration % every == 0)
        return bool(now) and self._evaluated < self.iteration

    def _evaluate(self) -> bool:
        """Evaluate the model as it is; True if the caller wants the run pruned."""
        self._trainer.assert_finite()
        try:
            with self.watch.phase("evaluate"), self._trainer.result_weights():
                results = {name: self._evaluate_on(name) for name in self._job.experiment.datasets}
                self._best.offer(self.iteration, results, self._trainer.model)
        except _GiveUpEvaluation:
            self._stop()
        metrics = {name: result.metrics for name, result in results.items()}
        self._history.add_evaluation(self.iteration, metrics)
        self._evaluated = self.iteration
        self._announce(metrics)
        if self._around.on_evaluation is None:
            return False
        summary = {"datasets": metrics, "mean": mean_metrics(metrics)}
        answer = self._world.leads and self._around.on_evaluation(self.iteration, summary)
        return bool(self._world.tell(answer)) and self.iteration < self._total

    def _evaluate_on(self, name: str) -> Evaluation:
        data, trainer = self._feed.val[name], self._trainer
        return evaluate(
            trainer.model, name, self._feed.evaluation(name), data.paths, data.num_classes, trainer.precision,
            self._device, self._world, self._give_up_if_asked,
        )  # fmt: skip

    def _give_up_if_asked(self) -> None:
        if self._world.size == 1 and self._around.pace.stop.reason():
            raise _GiveUpEvaluation

    def _announce(self, metrics: dict[str, dict[str, Any]]) -> None:
        values = {f"val_{key}/{name}": m[key] for name, m in metrics.items() for key in ("top1", "top5", "loss")}
        self._around.tracker.log_metrics(values, self.iteration)
        text = "  ".join(f"{name} top1 {m['top1']:.4f} loss {m['loss']:.4f}" for name, m in metrics.items())
        if self._world.leads:
            log.info("%s: after %d iterations: %s", self._job.name, self.iteration, text)

    def _save(self) -> None:
        """Write a checkpoint. A full disk is no reason to stop training before it must."""
        try:
            self._write_checkpoint()
        except OSError as error:
            if self.iteration == self._total:
                raise self._cannot_save(error) from error
            log.warning("%s", self._cannot_save(error))
        self._around.pace.saved()

    def _write_checkpoint(self) -> None:
        self._trainer.assert_finite()
        substitutes = self._substitutes.total()
        with self.watch.phase("save"):
            if self._world.leads:
                save_checkpoint(self._job.folder / "state", self.iteration, {
                    "job": fingerprint(self._job),
                    "evaluated": self._evaluated,
                    "best": self._best.state,
                    "substitutes": substitutes,
                    "trainer": self._trainer.state_dict(),
                })  # fmt: skip

    def _stop(self) -> None:
        try:
            self._write_checkpoint()
        except OSError as error:
            raise self._cannot_save(error) from error
        reason = self._world.tell(self._around.pace.stop.reason())
        raise Interrupted(
            f"{self._job.name}: stopped after {self.iteration} of {self._total} iterations ({reason}); "
            "the state is saved, start it again to go on"
        )

    def _cannot_save(self, error: OSError) -> UserError:
        return UserError(
            f"{self._job.name}: the checkpoint of iteration {self.iteration} cannot be written to "
            f"{self._job.folder / 'state'} ({error.strerror}); the one before it is kept. Make room on that disk"
        )

    def _pruned(self) -> Result:
        metrics = self._best.state["metrics"]
        return Result(self._job.folder, {"datasets": metrics, "mean": mean_metrics(metrics)}, pruned=True)

    def _finish(self) -> Result:
        self._save()
        best, options = self._best.state, self._job.experiment.evaluation
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
            keep_newest(self._job.folder / "state", 1)
        return Result(self._job.folder, metrics)
