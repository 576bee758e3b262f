"""The parameters of a study's next trial: a pure function of its seed, the trial's number and the trials before."""

import hashlib
from typing import TYPE_CHECKING

from ivvit.errors import UserError
from ivvit.study.job import StudyJob
from ivvit.study.snapshot import snapshot
from ivvit.study.space import grid, suggest

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def propose(job: StudyJob, trials: list["FrozenTrial"]) -> "FrozenTrial":
    """The next trial, running, with all its parameters and whatever its sampler wants to find again.

    Args:
        job: the study.
        trials: all its trials so far; running ones are taken into account.

    Raises:
        UserError: the grid has no more points, or the conditions go in a circle.
    """
    options, number = job.options, len(trials)
    study = snapshot(job, trials, make_sampler(job, number))
    if options.sampler.name == "grid":
        points = grid(options.space, options.sampler.grid_points, options.seed)
        if number >= len(points):
            raise UserError(
                f"study {job.name}: the grid has {len(points)} points, n_trials is {options.n_trials}; "
                f"set n_trials: {len(points)}, more grid_points, or another sampler"
            )
        study.enqueue_trial(points[number])
    trial = study.ask()
    suggest(trial, options.space)
    return study.get_trials()[trial.number]


def make_sampler(job: StudyJob, number: int) -> "BaseSampler":
    """A fresh sampler for one trial: it remembers nothing, so a killed worker loses nothing."""
    from optuna import samplers

    options = job.options.sampler
    seed = trial_seed(job.options.seed, number)
    if options.name == "TPE":
        conditional = any(dimension.when for dimension in job.options.space.values())
        return samplers.TPESampler(seed=seed, n_startup_trials=options.startup_trials, group=conditional)
    if options.name == "GP":
        return samplers.GPSampler(seed=seed, n_startup_trials=options.startup_trials, warn_independent_sampling=False)
    if options.name == "CMA-ES":
        return samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
    return samplers.RandomSampler(seed=seed)


def trial_seed(study_seed: int, number: int) -> int:
    """A 32-bit seed for one trial's sampler."""
    return int.from_bytes(hashlib.sha256(f"{study_seed}/{number}".encode()).digest()[:4], "little")
