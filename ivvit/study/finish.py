"""A study's end: the best parameters, the table of trials and the report."""

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ivvit.config.studies import search_order
from ivvit.ground.errors import Failure
from ivvit.ground.files import write_text
from ivvit.study.choice import best_text, best_trial
from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_names
from ivvit.study.page import page_text
from ivvit.study.records import Records

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def finish(job: StudyJob, best: Path) -> None:
    """Write `best` (best-<n_trials>.yaml), and trials.csv and report-<n_trials>.html in the study's folder.

    All three describe the first n_trials only, however many there are by now; `best` is written last.

    Raises:
        UserError: not all of the n_trials are finished, or none was trained to the end.
    """
    trials = Records(job).places(job.options.n_trials)
    finished = sum(trial.state.is_finished() for trial in trials)
    if finished != job.options.n_trials:
        raise Failure(
            f"study {job.name}: {finished} of {job.options.n_trials} trials are finished; start its workers again"
        )
    chosen = best_trial(job, trials)
    table = trials_table(job, trials, chosen.number)
    write_text(job.folder / "trials.csv", table.to_csv(index=False, lineterminator="\n"))
    write_text(
        job.folder / f"report-{job.options.n_trials}.html", page_text(job, trials, chosen, counts_note(job, trials))
    )
    best.parent.mkdir(parents=True, exist_ok=True)
    write_text(best, best_text(job, chosen))
    values = ", ".join(f"{name} {value:.4f}" for name, value in zip(objective_names(job), chosen.values, strict=True))
    print(f"study {job.name}: {counts_note(job, trials)}; the best is trial {chosen.number} with {values}")


def trials_table(job: StudyJob, trials: list["FrozenTrial"], best: int) -> pd.DataFrame:
    """trials.csv: a row per trial without times, so that equal studies give equal bytes.

    Columns: trial, state, best, its values, its parameters, last_evaluation, failures, diverged.

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
    """How the trials ended: `20 trials: 14 complete, 5 pruned, 1 diverged; 2 failed attempts`."""
    states = [state(trial) for trial in trials]
    parts = [f"{states.count(name)} {name}" for name in ("complete", "pruned", "diverged") if name in states]
    failures = sum(trial.user_attrs.get("failures", 0) for trial in trials)
    repeated = f"; {failures} failed {'attempt' if failures == 1 else 'attempts'}, repeated" if failures else ""
    return f"{len(trials)} trials: {', '.join(parts)}{repeated}"
