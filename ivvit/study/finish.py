"""A study's end: the best parameters, the table of trials, and a report in one file that needs no network."""

import html
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from ivvit.config.studies import search_order
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_text
from ivvit.study.choice import best_text, best_trial
from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_names
from ivvit.study.records import Records, quiet_optuna
from ivvit.study.snapshot import snapshot

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from plotly.graph_objects import Figure

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{title}</title>
<style>body {{ font-family: sans-serif; max-width: 1100px; margin: 2em auto; }} td, th {{ padding: .2em 1em; }}</style>
<script>{plotly}</script>
</head>
<body>
<h1>{title}</h1>
<p>{counts}.</p>
{best}
{figures}
</body>
</html>
"""


def finish(job: StudyJob, best: Path) -> None:
    """Write `best` (best-<n_trials>.yaml), and trials.csv and report-<n_trials>.html in the study's folder.

    All three describe the first n_trials only, however many there are by now; `best` is written last.

    Raises:
        UserError: not all of the n_trials are finished, or none was trained to the end.
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


def report_page(job: StudyJob, trials: list["FrozenTrial"], best: "FrozenTrial") -> str:
    """The page. Equal studies give equal pages."""
    from plotly.offline import get_plotlyjs

    with quiet_optuna():
        study = snapshot(job, trials)
        figures = [_embed(name, figure) for name, figure in _figures(job, study, trials)]
    return _PAGE.format(
        title=html.escape(f"Study {job.name}"),
        plotly=get_plotlyjs(),
        counts=html.escape(counts_note(job, trials)),
        best=_best(job, best),
        figures="\n".join(figures),
    )


def _best(job: StudyJob, trial: "FrozenTrial") -> str:
    pairs = [("trial", trial.number), *zip(objective_names(job), trial.values, strict=True)]
    pairs += sorted(trial.params.items())
    rows = "".join(f"<tr><th align=left>{html.escape(key)}</th><td>{html.escape(str(v))}</td></tr>" for key, v in pairs)
    return f"<h2>Best trial</h2>\n<table>{rows}</table>"


def _figures(job: StudyJob, study: "Study", trials: list["FrozenTrial"]) -> Iterator[tuple[str, "Figure | str"]]:
    from optuna import visualization

    names, keys = objective_names(job), search_order(job.options.space)
    for index, name in enumerate(names):
        value = _value_of(index) if len(names) > 1 else None  # with one objective, Optuna also shows the best so far
        yield (
            f"History of {name}",
            visualization.plot_optimization_history(study, target=value, target_name=name),
        )
        yield f"Importances for {name}", _importances(study, trials, index, name)
        yield f"Slices of {name}", visualization.plot_slice(study, params=keys, target=value, target_name=name)
        yield (
            f"Parallel coordinates of {name}",
            visualization.plot_parallel_coordinate(study, params=keys, target=value, target_name=name),
        )
    if len(names) in (2, 3):
        yield "Pareto front", visualization.plot_pareto_front(study, target_names=names)


def _value_of(index: int) -> "Callable[[FrozenTrial], float]":
    return lambda trial: trial.values[index]


def _importances(study: "Study", trials: list["FrozenTrial"], index: int, name: str) -> "Figure | str":
    from optuna import visualization

    if sum(trial.state.name == "COMPLETE" for trial in trials) < 2:
        return "Importances need two trials that were trained to the end."
    sign = -1 if study.directions[index].name == "MAXIMIZE" else 1  # importance for low values
    return visualization.plot_param_importances(
        study, target=lambda trial: sign * trial.values[index], target_name=name
    )


def _embed(name: str, figure: "Figure | str") -> str:
    title = f"<h2>{html.escape(name)}</h2>"
    if isinstance(figure, str):
        return f"{title}\n<p>{html.escape(figure)}</p>"
    place = "".join(c if c.isalnum() else "-" for c in name)
    figure.update_layout(title=None)
    return f"{title}\n{figure.to_html(full_html=False, include_plotlyjs=False, div_id=place)}"
