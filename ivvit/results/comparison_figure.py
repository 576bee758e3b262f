"""Accuracy by data set and experiment: a panel per data set, a line per experiment."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ivvit.results.palette import colours
from ivvit.results.runs import Run, datasets_of


def comparison_figure(runs: list[Run]) -> Figure:
    """Top-1 accuracy: dots are means over seeds, bars standard deviations, small dots seeds, dashes chance."""
    names = datasets_of(runs) or [""]
    experiments = list(dict.fromkeys(run.ref.experiment for run in runs))
    figure = Figure(figsize=(2.2 + 2.2 * len(names), 1.3 + 0.28 * max(len(experiments), 2)), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    colour = colours([run.model for run in runs])
    for panel, name in zip(panels, names, strict=True):
        _panel(panel, [run for run in runs if name in run.datasets], name, experiments, colour)
    if runs:
        panels[0].set_yticks(range(len(experiments)), experiments)
        panels[0].set_ylim(len(experiments) - 0.5, -0.5)
    handles = [Line2D([], [], color=value, marker="o", linestyle="", label=key) for key, value in colour.items()]
    handles.append(Line2D([], [], color="0.4", linestyle="--", label="chance"))
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles), frameon=False)
    return figure


def _panel(panel: Axes, runs: list[Run], name: str, experiments: list[str], colour: dict[str, str]) -> None:
    panel.set_title(name)
    panel.set_xlabel("top-1 accuracy (%)")
    panel.set_xlim(-2, 102)  # room for whole dots
    panel.set_axisbelow(True)
    panel.grid(axis="x", color="0.9")
    panel.tick_params(axis="y", length=0)
    for place, experiment in enumerate(experiments):
        mine = [run for run in runs if run.ref.experiment == experiment]
        if mine:
            _dots(panel, place, [100 * run.datasets[name]["top1"] for run in mine], colour[mine[0].model])
    classes = {len(run.datasets[name].get("per_class") or ()) for run in runs} - {0}
    if len(classes) == 1:
        panel.axvline(100 / classes.pop(), color="0.4", linestyle="--", linewidth=1, zorder=1)


def _dots(panel: Axes, place: int, values: list[float], colour: str) -> None:
    mean = sum(values) / len(values)
    if len(values) > 1:
        spread = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
        panel.errorbar(mean, place, xerr=spread, color=colour, capsize=3, zorder=2)
        small = {"s": 8, "alpha": 0.5, "linewidths": 0, "zorder": 3}
        panel.scatter(values, [place] * len(values), color=colour, clip_on=False, **small)
    panel.scatter([mean], [place], color=colour, s=36, zorder=4, clip_on=False)
