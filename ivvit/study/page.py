"""A study's report: history, importances, slices and parallel coordinates in one file that needs no network."""

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ivvit.config.studies import search_order
from ivvit.study.job import StudyJob
from ivvit.study.objective import objective_names
from ivvit.study.records import quiet_optuna
from ivvit.study.snapshot import snapshot

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial
    from plotly.graph_objects import Figure

_ABREAST = 3
"""Slices side by side: more would need sideways scrolling."""
_ENOUGH = 20
"""Trials below which importances change with every further one."""

_PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>
body {{ font: 16px/1.5 system-ui, "DejaVu Sans", sans-serif; max-width: 68rem; margin: 2rem auto; padding: 0 1rem;
  color: #1b1f24; background: #fff; }}
h2 {{ font-size: 1.15rem; margin: 2.5rem 0 .5rem; border-top: 1px solid #d5dae0; padding-top: .8rem; }}
table {{ border-collapse: collapse; font-size: .9rem; max-width: 100%; }}
th, td {{ text-align: left; padding: .25rem 1rem .25rem 0; font-weight: 400; overflow-wrap: anywhere; }}
tr + tr > * {{ border-top: 1px solid #d5dae0; }}
p {{ max-width: 50rem; }}
</style>
<script>{plotly}</script>
</head>
<body>
<main>
<h1>{title}</h1>
<p>{counts}.</p>
{best}
<noscript><p>The figures below need JavaScript; all trials are in trials.csv, in the folder of this page.</p></noscript>
{figures}
</main>
</body>
</html>
"""


def page_text(job: StudyJob, trials: list["FrozenTrial"], best: "FrozenTrial", counts: str) -> str:
    """The page. Equal studies give equal pages.

    Args:
        job: the study.
        trials: those that it is about.
        best: the one that was chosen.
        counts: how the trials ended, in words.
    """
    from plotly.offline import get_plotlyjs

    with quiet_optuna():
        study = snapshot(job, trials)
        figures = [_embed(*found) for found in _figures(job, study, trials)]
    return _PAGE.format(
        title=html.escape(f"Study {job.name}"),
        plotly=get_plotlyjs(),
        counts=html.escape(counts),
        best=_best(job, best),
        figures="\n".join(figures),
    )


def _best(job: StudyJob, trial: "FrozenTrial") -> str:
    pairs = [("trial", trial.number), *zip(objective_names(job), trial.values, strict=True)]
    pairs += sorted(trial.params.items())
    texts = [(key, f"{value:.4g}" if isinstance(value, float) else str(value)) for key, value in pairs]
    rows = "".join(f'<tr><th scope="row">{html.escape(k)}</th><td>{html.escape(v)}</td></tr>' for k, v in texts)
    return f"<h2>Best trial</h2>\n<table>{rows}</table>"


def _figures(job: StudyJob, study: "Study", trials: list["FrozenTrial"]) -> Iterator[tuple[str, str, list["Figure"]]]:
    """(title, what is to be said, figures)."""
    from optuna import visualization

    names, keys = objective_names(job), search_order(job.options.space)
    groups = [keys[start : start + _ABREAST] for start in range(0, len(keys), _ABREAST)]
    for index, name in enumerate(names):
        several = {"target": lambda trial, index=index: trial.values[index]} if len(names) > 1 else {}
        named: dict[str, Any] = {**several, "target_name": name}
        yield f"History of {name}", "", [visualization.plot_optimization_history(study, **named)]
        yield f"Importances for {name}", *_importances(study, trials, keys, index, name)
        yield f"Slices of {name}", "", [visualization.plot_slice(study, params=group, **named) for group in groups]
        parallel = visualization.plot_parallel_coordinate(study, params=keys, **named)
        yield f"Parallel coordinates of {name}", "", [parallel]
    if len(names) in (2, 3):
        yield "Pareto front", "", [visualization.plot_pareto_front(study, target_names=names)]


def _importances(
    study: "Study", trials: list["FrozenTrial"], keys: list[str], index: int, name: str
) -> tuple[str, list["Figure"]]:
    from optuna import visualization

    if len(keys) == 1:
        return "A single parameter has all of it.", []
    complete = sum(trial.state.name == "COMPLETE" for trial in trials)
    if complete < 2:
        return "Importances need two trials that were trained to the end.", []
    sign = -1 if study.directions[index].name == "MAXIMIZE" else 1  # importance for low values
    figure = visualization.plot_param_importances(
        study, target=lambda trial: sign * trial.values[index], target_name=name
    )
    rough = "; from so few they are rough and change with every further one" if complete < _ENOUGH else ""
    return f"From {complete} trials that were trained to the end{rough}.", [figure]


def _embed(name: str, text: str, figures: list["Figure"]) -> str:
    parts = [f"<h2>{html.escape(name)}</h2>"] + ([f"<p>{html.escape(text)}</p>"] if text else [])
    place = "".join(c if c.isalnum() else "-" for c in name)
    for number, figure in enumerate(figures):
        figure.update_layout(title=None, width=None, autosize=True, margin={"t": 20})
        figure.update_xaxes(exponentformat="power")  # 10 to the power of -5, not 10 µ
        figure.update_yaxes(exponentformat="power")
        figure.for_each_xaxis(lambda axis: axis.update(dtick=1) if axis.type == "log" else None)  # decades alone
        figure.update_layout(coloraxis_colorbar_exponentformat="power")
        options = {"responsive": True, "displaylogo": False}
        inner = figure.to_html(
            full_html=False, include_plotlyjs=False, div_id=f"{place}-{number}", config=options, default_width="100%"
        )
        parts.append(inner)
    return "\n".join(parts)
