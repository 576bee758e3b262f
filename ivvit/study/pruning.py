"""Stopping hopeless trials. Decisions are recorded before they are acted on: a resumed trial takes the same ones."""

from typing import TYPE_CHECKING, Any

from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_values
from ivvit.study.snapshot import snapshot

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

    from ivvit.config import Experiment
    from ivvit.study.records import Records

_DECISIONS = "decisions"


class Pruning:
    """Listens to a trial's validations."""

    def __init__(self, job: StudyJob, records: "Records", number: int, experiment: "Experiment") -> None:
        self._job, self._records, self._number, self._experiment = job, records, number, experiment

    def __call__(self, iteration: int, metrics: dict[str, Any]) -> bool:
        """Record a validation; True if the trial should stop here."""
        if len(self._job.directions) > 1:
            return False
        (value,) = objective_values(self._job, metrics)
        self._records.report(self._number, iteration, value)
        if iteration >= self._experiment.iterations or self._job.options.pruner.name == "none":
            return False
        decisions = dict(self._records.trial(self._number).user_attrs.get(_DECISIONS, {}))
        if str(iteration) not in decisions:
            decisions[str(iteration)] = self._decide()
            self._records.note(self._number, **{_DECISIONS: decisions})
        decision = decisions[str(iteration)]
        self._records.note_for_optuna(self._number, decision["rungs"])
        return decision["prune"]

    def _decide(self) -> dict[str, Any]:
        """Ask the pruner in a copy of the study; `rungs` is what Hyperband wants to find again at this trial."""
        study = snapshot(self._job, self._records.trials(), pruner=make_pruner(self._job, self._experiment))
        before = study.get_trials()[self._number]
        prune = bool(study.pruner.prune(study, before))
        after = study.get_trials()[self._number]
        return {"prune": prune, "rungs": {k: v for k, v in after.system_attrs.items() if k not in before.system_attrs}}


def was_pruned(records: "Records", number: int, notes: dict[str, Any]) -> bool:
    """Whether a trial was to stop when its worker was killed; what the decision left to record is recorded."""
    for decision in notes.get(_DECISIONS, {}).values():
        if decision["prune"]:
            records.note_for_optuna(number, decision["rungs"])
            return True
    return False


def make_pruner(job: StudyJob, experiment: "Experiment") -> "BasePruner":
    """The pruner that the options name."""
    from optuna import pruners

    options = job.options.pruner
    if options.name == "median":
        return pruners.MedianPruner(options.startup_trials, n_warmup_steps=options.min_iterations)
    if options.name == "hyperband":  # a first rung before the first evaluation would only prune earlier, on less
        first = min(max(options.min_iterations, experiment.validation.every or 1), experiment.iterations)
        return pruners.HyperbandPruner(min_resource=first, max_resource=experiment.iterations)
    return pruners.NopPruner()
