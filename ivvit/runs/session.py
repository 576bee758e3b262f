"""One start of a run: from the beginning or a checkpoint to the end, a stop or a pruning."""

import logging
from collections.abc import Iterator
from contextlib import closing
from typing import NoReturn

from ivvit.ground.errors import Failure
from ivvit.numerics.batch import Batch
from ivvit.numerics.trainer import Iteration
from ivvit.numerics.training import Training
from ivvit.runs.context import RunContext
from ivvit.runs.feed import Feed
from ivvit.runs.history import History
from ivvit.runs.inputs import initial_weights, samples_of
from ivvit.runs.job import Interrupted, Result, TrainJob
from ivvit.runs.memory import enough_memory
from ivvit.runs.outputs import result_of, write_result
from ivvit.runs.pace import FLUSH, SAVE, STOP
from ivvit.runs.progress import Reporter, device_memory
from ivvit.runs.provenance import Provenance
from ivvit.runs.resume import find_state, fingerprint
from ivvit.runs.sample_log import SampleLog
from ivvit.runs.saver import Saver
from ivvit.runs.stopwatch import Stopwatch
from ivvit.runs.substitutes import Substitutes
from ivvit.runs.validation import GiveUp, Validations

log = logging.getLogger("ivvit")


class Session:
    """The state of a run in memory, and its course."""

    def __init__(self, job: TrainJob, context: RunContext) -> None:
        self._job, self._context, self._world = job, context, context.world
        self._total = job.experiment.iterations
        state = find_state(job)
        self._training = Training(
            job.experiment, job.seed, samples_of(job, "train"), initial_weights(job) if state is None else None,
            context.device, self._world, job.runtime.compile, job.runtime.grad_checkpointing, samples_of(job, "val"),
        )  # fmt: skip
        self._trainer = self._training.trainer
        feed = self._feed = Feed(job, self._training, self._world, context.device, self._poll)
        self.iteration = 0
        if state is not None:
            self._trainer.load_state_dict(state["trainer"])
            self.iteration = state["iteration"]
            log.info("%s: going on from iteration %d of %d", job.name, self.iteration, self._total)
        if len(set(self._world.gather(self.iteration))) > 1:
            raise Failure(f"the nodes see different checkpoints in {job.folder / 'state'}; start again")
        self._validations = Validations(job, context, feed, self._trainer, state)
        self._substitutes = Substitutes(state["substitutes"] if state else {}, self._world)
        batch_sizes = {name: use.batch_size for name, use in job.experiment.datasets.items()}
        self._history = History(
            job.folder / "history.csv", batch_sizes, self._world, self.iteration, self._validations.done
        )
        self._samples = SampleLog(context.sample_log, self._world, self.iteration)
        self._saver = Saver(job.folder / "state", job.name)
        self._progress: Reporter | None = None
        self.record: Provenance | None = None
        """Of the leading process."""
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
                pruned = self._validations.due(self.iteration) and self._validate()
                if not pruned:
                    pruned = self._iterate(batches)
            return self._pruned() if pruned else self._finish()
        finally:
            self._saver.wait()

    def _iterate(self, batches: Iterator[dict[str, Batch]]) -> bool:
        """Train to the last iteration; True if the caller wants the run pruned before."""
        iterations = self._training.iterations(self.iteration, self._fetched(batches))
        while self.iteration < self._total:
            with self.watch.phase("train"), enough_memory("batch_size, or raise accumulate"):
                step = next(iterations)
            self._count(step)
            if self._after_iteration():
                return True
        return False

    def _fetched(self, batches: Iterator[dict[str, Batch]]) -> Iterator[dict[str, Batch]]:
        """The same batches; the wait for each is timed, and what was trained on is noted."""
        while True:
            try:
                with self.watch.phase("data" if self.watch.iterations else "start"):
                    batch = next(batches)
            except GiveUp:  # the state between two iterations is whole
                self._flush()
                self._stop()
            self._samples.add(self.iteration + 1, batch)
            self._substitutes.count(batch)
            yield batch

    def _poll(self) -> None:
        """While a batch is waited for, perhaps for ever. Several processes would not agree here on a place to stop."""
        if self._world.size == 1 and self._context.pace.stop.reason():
            raise GiveUp

    def _count(self, step: Iteration) -> None:
        self.iteration += 1
        self._history.add(step)
        samples = sum(self._job.experiment.datasets[name].batch_size for name in step.sums)
        self.watch.iterations += 1
        self.watch.samples += samples
        self._unreported += samples

    def _after_iteration(self) -> bool:
        """Write, stop, validate and save as it is time to; True if the caller wants the run pruned."""
        actions, due = self._context.pace.actions(), self._validations.due(self.iteration)
        last = self.iteration == self._total
        if actions & (FLUSH | SAVE | STOP) or due or last:
            self._flush()
        if actions & STOP:
            self._stop()
        if actions & SAVE or last:
            self._save()  # a validation to come may take long
        return due and self._validate()

    def _flush(self) -> None:
        with self.watch.phase("train"):  # waits for the device
            latest = self._history.flush()
        self._samples.flush()
        for name, values in latest.items():
            values = {f"train_{key}/{name}": value for key, value in values.items()}
            self._context.tracker.log_metrics(values, self.iteration)
        if self._progress is not None:
            memory = device_memory(self._context.device)
            self._progress.update(self.iteration, self._unreported, self._history.latest, memory)
        self._unreported = 0

    def _validate(self) -> bool:
        self._trainer.assert_finite()
        try:
            with self.watch.phase("evaluate"), enough_memory("validation.batch_size"):
                return self._validations.run(self.iteration, self._history)
        except GiveUp:
            self._stop()

    def _save(self, at_once: bool = False) -> None:
        """Write a checkpoint; all processes call it together.

        None is written whose rows of the history are not: going on from it would leave a gap there.
        """
        self._trainer.assert_finite()
        if at_once:
            self._flush_pending()
        substitutes = self._substitutes.total()
        with self.watch.phase("save"):
            if self._world.is_main and not self._history.behind():
                (self._saver.save if at_once else self._saver.start)(self.iteration, {
                    "job": fingerprint(self._job),
                    "evaluated": self._validations.done,
                    "best": self._validations.best.state,
                    "substitutes": substitutes,
                    "trainer": self._trainer.state_dict(),
                })  # fmt: skip
        self._context.pace.saved()

    def _flush_pending(self) -> None:
        self._history.flush_pending()
        self._samples.flush_pending()

    def _stop(self) -> NoReturn:
        self._save(at_once=True)
        reason = self._world.broadcast(self._context.pace.stop.reason())
        raise Interrupted(
            f"{self._job.name}: stopped after {self.iteration} of {self._total} iterations ({reason}); "
            "the state is saved, start it again to go on"
        )

    def _pruned(self) -> Result:
        self._flush_pending()
        best = self._validations.best.state
        return Result(self._job.folder, best and best["metrics"], pruned=True)

    def _finish(self) -> Result:
        self._save(at_once=True)
        best, substitutes = self._validations.best.state, self._substitutes.total()
        tensors, card = result_of(self._job, self._training, best, substitutes)
        if self._world.is_main:
            write_result(self._job.folder, tensors, card, self._note_made)
        return Result(self._job.folder, card.validation)

    def _note_made(self, checksum: str) -> None:
        if self.record is not None:
            self.record.made(checksum)
