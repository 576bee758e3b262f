"""The parameters of a study's next trial: a pure function of its seed, the trial's number and the trials before."""

import hashlib
from typing import TYPE_CHECKING, Any

from ivvit.ground.errors import UserError
from ivvit.study.job import StudyJob
from ivvit.study.snapshot import snapshot
from ivvit.study.space import grid, suggest

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def propose(job: StudyJob, trials: list["FrozenTrial"]) -> "FrozenTrial":
    """The next trial, running, with all its parameters and what its sampler expects to find later.

    Args:
        job: the study.
        trials: all its trials so far; running ones are taken into account.
    """
    options, number = job.options, len(trials)
    study = snapshot(job, trials, make_sampler(job, number))
    if options.sampler.name == "grid":
        used = [trial.params for trial in trials if trial.state.name != "FAIL"]
        study.enqueue_trial(next(point for point in _points(job) if point not in used))
    trial = study.ask()
    suggest(trial, options.space)
    return study.get_trials()[trial.number]


def check_grid(job: StudyJob) -> None:
    """Raises UserError if a grid has fewer points than n_trials."""
    if job.options.sampler.name == "grid" and len(_points(job)) < job.options.n_trials:
        points = len(_points(job))
        raise UserError(
            f"study {job.name}: the grid has {points} points, n_trials is {job.options.n_trials}; "
            f"set n_trials: {points}, more sampler.grid_points, or another sampler"
        )


def make_sampler(job: StudyJob, number: int) -> "BaseSampler":
    """A fresh sampler for one trial: it remembers nothing, so a killed worker loses nothing."""
    from optuna import samplers

    options = job.options.sampler
    seed = trial_seed(job.options.seed, number)
    if options.name == "TPE":
        grouped = any(dimension.when for dimension in job.options.space.values())
        return samplers.TPESampler(
            seed=seed, n_startup_trials=options.startup_trials, group=grouped, multivariate=True if grouped else None
        )
    if options.name == "GP":
        return samplers.GPSampler(seed=seed, n_startup_trials=options.startup_trials, warn_independent_sampling=False)
    if options.name == "CMA-ES":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


def trial_seed(study_seed: int, number: int) -> int:
    """A 32-bit seed for one trial's sampler."""
    return int.from_bytes(hashlib.sha256(f"{study_seed}/{number}".encode()).digest()[:4], "little")


def _points(job: StudyJob) -> list[dict[str, Any]]:
    return grid(job.options.space, job.options.sampler.grid_points, job.options.seed)
