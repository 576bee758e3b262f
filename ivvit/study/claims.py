"""Who trains which trial: a worker first takes over what a dead one left, then makes new trials, then waits."""

import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event
from typing import Any

from ivvit.ground.errors import UserError
from ivvit.ground.holder import Pulse
from ivvit.ground.lock import run_lock, unheld
from ivvit.study.job import StudyJob
from ivvit.study.proposals import propose
from ivvit.study.records import Records, quiet_optuna


@dataclass
class Claim:
    """A trial that this worker has claimed; leaving the context releases the claim."""

    number: int
    parameters: dict[str, Any]
    notes: dict[str, Any]
    """What earlier workers recorded about it; empty for a new trial."""
    claim: ExitStack
    lost: Event
    """Set if another worker took the trial over because this one's heartbeat was lost."""

    def __enter__(self) -> "Claim":
        return self

    def __exit__(self, *error: object) -> None:
        self.claim.close()


def next_claim(job: StudyJob, records: Records) -> Claim | None:
    """A trial for this worker; None if live workers hold all unfinished ones, or nothing is left to do."""
    begun = [t.number for t in records.places(job.options.n_trials) if not t.state.is_finished()]
    # Abandoned trials come first, so that kills do not change a study; live workers elsewhere are all watched at once.
    left = unheld([_claim_path(job, number) for number in begun])
    for number in begun:
        path = _claim_path(job, number)
        if path in left and (claim := _left_behind(job, records, number, left[path])) is not None:
            return claim
    return _new(job, records)


def unfinished(job: StudyJob, records: Records) -> int:
    """How many of the n_trials are not finished."""
    return job.options.n_trials - sum(t.state.is_finished() for t in records.places(job.options.n_trials))


def _left_behind(job: StudyJob, records: Records, number: int, silent: Pulse) -> Claim | None:
    with ExitStack() as stack:
        try:
            lost = stack.enter_context(run_lock(_claim_path(job, number), silent))
        except UserError:  # a live worker has it
            return None
        trial = records.trial(number)
        if trial.state.is_finished():  # by the worker that held it until now
            return None
        return Claim(number, trial.params, trial.user_attrs, stack.pop_all(), lost)


def _new(job: StudyJob, records: Records) -> Claim | None:
    with quiet_optuna(), records.alone():
        if len(records.places(job.options.n_trials)) == job.options.n_trials:
            return None
        trials = records.trials()
        with ExitStack() as stack:  # claimed before anyone can see it
            lost = stack.enter_context(run_lock(_claim_path(job, len(trials))))
            shutil.rmtree(job.trial_folder(len(trials)), ignore_errors=True)  # of a study whose record was lost
            number = records.create(propose(job, trials))
            return Claim(number, records.trial(number).params, {}, stack.pop_all(), lost)


def _claim_path(job: StudyJob, number: int) -> Path:
    return job.folder / "claims" / str(number) / "lock"
