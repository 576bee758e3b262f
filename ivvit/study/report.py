"""A study's report: history, importances, slices and parallel coordinates in one file that needs no network."""

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ivvit.config.studies import search_order
from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_names
from ivvit.study.records import quiet_optuna
from ivvit.study.snapshot import snapshot
from ivvit.study.trials_table import counts_note

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
        several = {"target": lambda trial, index=index: trial.values[index]} if len(names) > 1 else {}
        named = {**several, "target_name": name}
        yield f"History of {name}", visualization.plot_optimization_history(study, **named)
        yield f"Importances for {name}", _importances(study, trials, index, name)
        yield f"Slices of {name}", visualization.plot_slice(study, params=keys, **named)
        yield f"Parallel coordinates of {name}", visualization.plot_parallel_coordinate(study, params=keys, **named)
    if len(names) in (2, 3):
        yield "Pareto front", visualization.plot_pareto_front(study, target_names=names)


def _importances(study: "Study", trials: list["FrozenTrial"], index: int, name: str) -> "Figure | str":
    from optuna import visualization

    if sum(trial.state.name == "COMPLETE" for trial in trials) < 2:
        return "Importances need two trials that were trained to their end."
    sign = -1 if study.directions[index].name == "MAXIMIZE" else 1  # what matters is what makes it low
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
