"""The numbers of evaluations for a terminal."""

import io
import shutil
from collections.abc import Iterator

from rich import box
from rich.console import Console
from rich.table import Table

from ivvit.evaluation.metrics import DatasetMetrics
from ivvit.runs.evaluation_job import EvaluationMetrics

_COLUMNS = ("model", "data set", "split", "samples", "groups", "top-1", "top-5", "loss", "class mean", "ECE")
_OPTIONAL = ("groups", "top-5")  # left out where no row has any
_NOTHING = ("", "–")
_NARROWEST = 110


def evaluations_table(found: dict[str, EvaluationMetrics]) -> str:
    """A row per model and data set; accuracies in percent with their 95% intervals."""
    rows = [row for label, metrics in found.items() for row in _rows(label, metrics)]
    shown = [place for place, title in enumerate(_COLUMNS)
             if title not in _OPTIONAL or any(row[place] not in _NOTHING for row in rows)]  # fmt: skip
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place in shown:
        table.add_column(_COLUMNS[place], justify="left" if place < 3 else "right", no_wrap=place > 0, overflow="fold")
    for row in rows:
        table.add_row(*(row[place] for place in shown))
    text = io.StringIO()
    console = Console(file=text, width=max(shutil.get_terminal_size().columns, _NARROWEST), markup=False)
    console.print(table)
    for settings in dict.fromkeys(_settings(metrics) for metrics in found.values()):
        console.print(settings)
    for label, metrics in found.items():
        for name, values in metrics.datasets.items():
            if values.unreadable:
                console.print(f"{label}: {len(values.unreadable)} files of {name} could not be read")
    return text.getvalue().rstrip()


def _rows(label: str, metrics: EvaluationMetrics) -> Iterator[list[str]]:
    for name, values in metrics.datasets.items():
        yield [label, name, *_cells(values)]
        label = ""  # once is enough
    for name, values in metrics.knn.items():
        yield ["", f"{name}, {metrics.evaluation['knn']}-NN", *_cells(values)]


def _cells(values: DatasetMetrics) -> list[str]:
    groups = "" if values.num_groups == values.num_samples else f"{values.num_groups:,}"
    return [
        values.split, f"{values.num_samples:,}", groups, _accuracy(values.top1, values.top1_interval),
        _accuracy(values.top5, values.top5_interval), f"{values.loss:.4f}", f"{100 * values.mean_class_accuracy:.2f}",
        f"{100 * values.ece:.2f}",
    ]  # fmt: skip


def _accuracy(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return "–"
    return f"{100 * value:.2f} [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def _settings(metrics: EvaluationMetrics) -> str:
    options = metrics.evaluation
    clips, crops = (f"{options[key]} {key[: None if options[key] > 1 else -1]}" for key in ("clips", "crops"))
    return f"{clips} a video, {crops}, {options['precision']}; percent, with 95% intervals."
