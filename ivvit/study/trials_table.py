"""trials.csv: every trial of a study, its parameters and how it ended; no times, so equal studies give equal bytes."""

from typing import TYPE_CHECKING

import pandas as pd

from ivvit.config.studies import search_order
from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_names

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def trials_table(job: StudyJob, trials: list["FrozenTrial"], best: int) -> pd.DataFrame:
    """A row per trial: trial, state, best, its values, its parameters, last_evaluation, failures, diverged.

    The value of a pruned trial is that of its last evaluation.
    """
    rows = []
    for trial in trials:
        row = {"trial": trial.number, "state": state(trial), "best": trial.number == best}
        row |= dict(zip(objective_names(job), trial.values or (), strict=False))
        row |= {key: trial.params.get(key) for key in search_order(job.options.space)}
        row["last_evaluation"] = trial.last_step
        row["failures"] = trial.user_attrs.get("failures", 0)
        row["diverged"] = trial.user_attrs.get("diverged")
        rows.append(row)
    columns = ["trial", "state", "best", *objective_names(job), *search_order(job.options.space)]
    table = pd.DataFrame(rows, columns=[*columns, "last_evaluation", "failures", "diverged"])
    return table.astype({"last_evaluation": "Int64"})


def state(trial: "FrozenTrial") -> str:
    """complete, pruned, or diverged (a loss or an objective was not finite)."""
    return "diverged" if "diverged" in trial.user_attrs else trial.state.name.lower()


def counts_note(job: StudyJob, trials: list["FrozenTrial"]) -> str:
    """How the trials ended, in words: `20 trials: 14 complete, 5 pruned, 1 diverged; 2 failed attempts`."""
    states = [state(trial) for trial in trials]
    parts = [f"{states.count(name)} {name}" for name in ("complete", "pruned", "diverged") if name in states]
    failures = sum(trial.user_attrs.get("failures", 0) for trial in trials)
    repeated = f"; {failures} failed {'attempt' if failures == 1 else 'attempts'}, repeated" if failures else ""
    return f"{len(trials)} trials: {', '.join(parts)}{repeated}"
