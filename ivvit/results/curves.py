"""How the runs learned: losses and accuracies by iteration, from their history.csv."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ivvit.results.palette import COLOURS, colours
from ivvit.results.runs import Run, datasets_of

_POINTS = 60
_DASHES = ("-", "--", ":", "-.")


def curves_figure(runs: list[Run]) -> Figure:
    """Training loss (mean over windows) by data set; below it validation accuracy, where measured on the way."""
    histories = [(run, found) for run in runs if (found := read_history(run)) is not None]
    names = datasets_of([run for run, _ in histories]) or [""]
    rows = 2 if any(_on_the_way(history) for _, history in histories) else 1
    experiments = list(dict.fromkeys(run.ref.experiment for run, _ in histories))
    height = 0.6 + 2.2 * rows + 0.18 * (-(-len(experiments) // max(len(names), 1)))
    figure = Figure(figsize=(1.0 + 2.6 * len(names), height), layout="constrained")
    panels = figure.subplots(rows, len(names), squeeze=False)
    looks = {name: {"color": colour, "linestyle": _DASHES[index // len(COLOURS) % len(_DASHES)]}
             for index, (name, colour) in enumerate(colours(experiments).items())}  # fmt: skip
    for column, name in enumerate(names):
        panels[0][column].set_title(name)
        for run, history in histories:
            mine = history[history["dataset"] == name]
            _losses(panels[0][column], mine[mine["phase"] == "train"], looks[run.ref.experiment])
            if rows == 2:
                _accuracies(panels[1][column], mine[mine["phase"] == "val"], looks[run.ref.experiment])
    _label(figure, panels, experiments, looks)
    return figure


def read_history(run: Run) -> pd.DataFrame | None:
    """A run's history.csv: iteration, phase, dataset, loss, top1, ...; None where there is none."""
    path = run.ref.folder / "history.csv"
    return pd.read_csv(path, usecols=["iteration", "phase", "dataset", "loss", "top1"]) if path.is_file() else None


def _on_the_way(history: pd.DataFrame) -> bool:
    return history.loc[history["phase"] == "val", "iteration"].nunique() > 1


def _losses(panel: Axes, rows: pd.DataFrame, look: dict) -> None:
    if rows.empty:
        return
    window = max(1, -(-int(rows["iteration"].max()) // _POINTS))
    means = rows.groupby((rows["iteration"] - 1) // window)[["iteration", "loss"]].mean()
    panel.plot(means["iteration"], means["loss"], linewidth=1, **look)


def _accuracies(panel: Axes, rows: pd.DataFrame, look: dict) -> None:
    panel.plot(rows["iteration"], 100 * rows["top1"], linewidth=1, marker=".", markersize=4, **look)


def _label(figure: Figure, panels: list[list[Axes]], experiments: list[str], looks: dict[str, dict]) -> None:
    panels[0][0].set_ylabel("training loss")
    if len(panels) == 2:
        panels[1][0].set_ylabel("top-1 accuracy (%)")
    for panel in panels[-1]:
        panel.set_xlabel("iteration")
    for row in panels:
        for panel in row:
            panel.grid(color="0.9")
    if experiments:
        handles = [panels[0][0].plot([], [], label=name, **looks[name])[0] for name in experiments]
        figure.legend(handles=handles, loc="outside lower center", ncols=max(len(panels[0]), 1), frameon=False)
