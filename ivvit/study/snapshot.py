"""A study's trials in memory: samplers and pruners work on this copy, so that a kill leaves nothing half done."""

from typing import TYPE_CHECKING

from ivvit.study.job import StudyJob

if TYPE_CHECKING:
    from optuna import Study
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial


def snapshot(
    job: StudyJob,
    trials: list["FrozenTrial"],
    sampler: "BaseSampler | None" = None,
    pruner: "BasePruner | None" = None,
) -> "Study":
    """A copy of the study with these trials.

    Its name is the study's identity: Hyperband draws a trial's bracket from the name, and renaming must not matter.
    """
    import optuna

    study = optuna.create_study(
        study_name=job.folder.name,
        directions=job.directions,
        sampler=sampler or optuna.samplers.RandomSampler(0),
        pruner=pruner or optuna.pruners.NopPruner(),
    )
    study.add_trials(trials)
    return study
