"""A study's end: the best parameters, the table of trials and the report."""

from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from ivvit.ground.errors import UserError
from ivvit.ground.files import write_text
from ivvit.study.choice import best_trial
from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_names
from ivvit.study.records import Records
from ivvit.study.report import report_page
from ivvit.study.trials_table import counts_note, trials_table

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial


def finish(job: StudyJob, best: Path) -> None:
    """Write `best` (best-<n_trials>.yaml), and trials.csv and report-<n_trials>.html in the study's folder.

    All three say what the first n_trials say, however many there are by now; best comes last.

    Raises:
        UserError: not all of the n_trials are finished, or none was trained to its end.
    """
    trials = Records(job).places(job.options.n_trials)
    finished = sum(trial.state.is_finished() for trial in trials)
    if finished != job.options.n_trials:
        raise UserError(
            f"study {job.name}: {finished} of {job.options.n_trials} trials are finished; start its workers again"
        )
    chosen = best_trial(job, trials)
    table = trials_table(job, trials, chosen.number)
    write_text(job.folder / "trials.csv", table.to_csv(index=False, lineterminator="\n"))
    write_text(job.folder / f"report-{job.options.n_trials}.html", report_page(job, trials, chosen))
    best.parent.mkdir(parents=True, exist_ok=True)
    write_text(best, best_text(job, chosen))
    values = ", ".join(f"{name} {value:.4f}" for name, value in zip(objective_names(job), chosen.values, strict=True))
    print(f"study {job.name}: {counts_note(job, trials)}; the best is trial {chosen.number} with {values}")


def best_text(job: StudyJob, trial: "FrozenTrial") -> str:
    """The content of best-<n_trials>.yaml, the same for equal studies."""
    result = (
        {"value": trial.values[0]} if len(trial.values) == 1 else {"values": trial.values, "pick": job.options.pick}
    )
    content = {"study": job.name, "n_trials": job.options.n_trials, "trial": trial.number, **result}
    content["parameters"] = dict(sorted(trial.params.items()))
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)
