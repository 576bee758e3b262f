"""A study's worker: trains trials until all workers together have finished n_trials."""

import logging
import math
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ivvit.ground.errors import Failure, UserError
from ivvit.numerics.finite import Diverged
from ivvit.runs.job import Interrupted, Result, TrainJob
from ivvit.runs.logs import log_to
from ivvit.study.claims import Claim, next_claim, unfinished
from ivvit.study.job import StudyJob, Train
from ivvit.study.objective import objective_names, objective_values
from ivvit.study.proposals import check_grid
from ivvit.study.pruning import Pruning, was_pruned
from ivvit.study.records import Records
from ivvit.study.team import alone, broadcast, is_main, process_group

log = logging.getLogger("ivvit")

ATTEMPTS = 3
_WAIT, _DONE = "wait", "done"


def work(job: StudyJob, *, worker: int = 0, train: Train | None = None, poll_seconds: float = 2.0) -> None:
    """Run trials until the study has finished `n_trials`; any number of workers may do so at once.

    A trial whose worker died is resumed from its checkpoint. A worker waits for the trials of others before it returns,
    so that its return means that the study is complete. Under torchrun all processes call this together.

    Args:
        job: the study.
        worker: this worker's number, for its log.
        train: trains a trial; by default ivvit.runs.run.train.
        poll_seconds: how often to check whether another worker's trial needs a new one.

    Raises:
        Interrupted: a signal or the time limit asked for a stop; the trial's state is saved.
        UserError: a trial cannot be trained, the storage cannot be used, or the grid has fewer points than n_trials.
    """
    check_grid(job)
    train = train or default_train()
    job.folder.mkdir(parents=True, exist_ok=True)
    with log_to(job.folder / f"worker-{worker}.log", is_main()), process_group():
        if is_main():
            _Main(job, Records(job), train).run(poll_seconds)
        else:
            _follow(job, train)


def default_train() -> Train:
    """ivvit.runs.run.train; imported here, as it loads torch."""
    from ivvit.runs.run import train

    return train


def _follow(job: StudyJob, train: Train) -> None:
    """Train what the main process announces."""
    while (order := broadcast(None)) != _DONE:
        if order != _WAIT:
            number, parameters = order
            _attempt(train, job.make_job(parameters, number, job.trial_folder(number)), lambda *_: False)


def _attempt(train: Train, run: TrainJob, on_evaluation: Callable[[int, dict[str, Any]], bool]) -> Result | str:
    """Train, by all processes of the worker; gives the result, or why these parameters do not train.

    All processes meet a loss that is not finite in the same place (see ivvit.numerics.finite).
    """
    try:
        return train(run, on_evaluation)
    except Diverged as error:
        return str(error)


@dataclass
class _Main:
    """The one process of a worker that uses the storage."""

    job: StudyJob
    records: Records
    train: Train
    failures: Counter[int] = field(default_factory=Counter)

    def run(self, poll_seconds: float) -> None:
        waiting = False
        while unfinished(self.job, self.records):
            claim = next_claim(self.job, self.records)
            if claim is not None:
                with claim:
                    self._take(claim)
            elif unfinished(self.job, self.records):
                if not waiting:
                    log.info("study %s: other workers are training the last trials; waiting for them", self.job.name)
                broadcast(_WAIT)
                time.sleep(poll_seconds)
            waiting = claim is None
        broadcast(_DONE)
        log.info("study %s: all %d trials are finished", self.job.name, self.job.options.n_trials)

    def _take(self, claim: Claim) -> None:
        """Train the claimed trial and record how it ended, or that it failed."""
        if was_pruned(
            self.records, claim.number, claim.notes
        ):  # its last worker was killed between the decision and recording it
            self.records.prune(claim.number)
            return
        self._announce(claim)
        run = self.job.make_job(claim.parameters, claim.number, self.job.trial_folder(claim.number))
        pruning = Pruning(self.job, self.records, claim.number, run.experiment)
        broadcast((claim.number, claim.parameters))
        try:
            outcome = _attempt(self.train, run, pruning)
        except Interrupted:
            raise
        except Exception as error:
            self._failed(claim, error)
        else:
            self._record(claim, outcome)

    def _record(self, claim: Claim, outcome: Result | str) -> None:
        if claim.lost.is_set():
            log.warning("%s: another worker has taken this trial over; that worker's result counts", self._name(claim))
            return
        if isinstance(outcome, str):
            self._abandon(claim, outcome)
        else:
            self._record_values(claim, outcome)
        # a finished trial is never resumed, and with several optimisers its state takes gigabytes
        shutil.rmtree(self.job.trial_folder(claim.number) / "state", ignore_errors=True)

    def _record_values(self, claim: Claim, result: Result) -> None:
        assert result.metrics is not None, "a trial is always validated"
        values = objective_values(self.job, result.metrics)
        if not all(map(math.isfinite, values)):
            self._abandon(claim, f"the objective is {values}")
        elif result.pruned:
            self.records.prune(claim.number)
            log.info("%s: pruned at %s", self._name(claim), self._values(values))
        else:
            self.records.complete(claim.number, values)
            log.info("%s: finished with %s", self._name(claim), self._values(values))

    def _abandon(self, claim: Claim, reason: str) -> None:
        self.records.note(claim.number, diverged=reason)
        self.records.prune(claim.number)
        log.warning("%s: abandoned, these parameters do not train: %s", self._name(claim), reason)

    def _failed(self, claim: Claim, error: Exception) -> None:
        """Record the failure; the trial is retried from its checkpoint.

        Raises:
            UserError: it failed too often, or the user can fix it, or other processes are still in the middle of it.
        """
        self.failures[claim.number] += 1
        reason = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
        self.records.note(claim.number, failures=claim.notes.get("failures", 0) + 1, failure=reason)
        if isinstance(error, UserError):
            kind = Failure if isinstance(error, Failure) else UserError
            raise kind(f"{self._name(claim)}: {reason}") from error
        if self.failures[claim.number] >= ATTEMPTS or not alone():
            raise Failure(
                f"{self._name(claim)}: failed {self.failures[claim.number]} times, the last time with {reason}; see "
                f"{self.job.trial_folder(claim.number) / 'train.log'}. Once the cause is fixed, start again: "
                "the trial resumes from its checkpoint. If these parameters cannot work, take them out of the space"
            ) from error
        log.warning("%s: failed, trying again: %s", self._name(claim), reason, exc_info=error)

    def _announce(self, claim: Claim) -> None:
        parameters = ", ".join(f"{key} = {_short(value)}" for key, value in sorted(claim.parameters.items()))
        how = "resumes" if self.job.trial_folder(claim.number).exists() else "starts"
        log.info("%s: %s with %s", self._name(claim), how, parameters)

    def _name(self, claim: Claim) -> str:
        return f"study {self.job.name}, trial {claim.number} ({claim.number + 1} of {self.job.options.n_trials})"

    def _values(self, values: list[float]) -> str:
        return ", ".join(f"{name} {value:.4f}" for name, value in zip(objective_names(self.job), values, strict=True))


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
