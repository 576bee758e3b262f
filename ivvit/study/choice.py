"""Which trial of a study is the best, and what is written of it: part of its identity, which reports are not."""

from typing import TYPE_CHECKING

import yaml

from ivvit.ground.errors import UserError
from ivvit.study.job import StudyJob
from ivvit.study.snapshot import snapshot

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def best_trial(job: StudyJob, trials: list["FrozenTrial"]) -> "FrozenTrial":
    """The best of these trials; of equal ones the first.

    With several objectives: the trial of the Pareto front that is best in the objective `pick`.

    Raises:
        UserError: no trial was trained to the end.
    """
    front = snapshot(job, trials).best_trials if any(trial.state.name == "COMPLETE" for trial in trials) else []
    if not front:
        raise UserError(
            f"study {job.name}: none of its {len(trials)} trials was trained to the end (all were pruned or did not "
            "train at all); search smaller learning rates, or set a milder pruner"
        )
    pick = job.options.pick or 0
    sign = -1 if job.directions[pick] == "maximize" else 1
    return min(front, key=lambda trial: (sign * trial.values[pick], trial.number))


def best_text(job: StudyJob, trial: "FrozenTrial") -> str:
    """The content of best-<n_trials>.yaml, the same for equal studies."""
    result = (
        {"value": trial.values[0]} if len(trial.values) == 1 else {"values": trial.values, "pick": job.options.pick}
    )
    content = {"study": job.name, "n_trials": job.options.n_trials, "trial": trial.number, **result}
    content["parameters"] = dict(sorted(trial.params.items()))
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
