"""All tables of a comparison: itself, differences, joint against single, further metrics, cost."""

from collections.abc import Callable, Sequence
from math import isnan

from ivvit.results.accuracy_table import accuracy_table
from ivvit.results.comparison import METRIC_NAMES, Comparison, Row
from ivvit.results.estimates import Difference
from ivvit.results.runs import DatasetResult
from ivvit.results.safe import plain
from ivvit.results.texts import NOTHING, TextTable, column_title, experiment_name, interval, percent


def text_tables(comparison: Comparison) -> list[TextTable]:
    """All tables that there is something to say in; the comparison itself always, and first."""
    tables = [accuracy_table(comparison)]
    if comparison.finished:
        tables += [_differences(comparison)] if _has_differences(comparison) else []
        tables += [_joint(comparison)] if comparison.joint else []
        tables += [_further(comparison)]
        tables += [_neighbours(comparison)] if any(run.knn for row in comparison.finished for run in row.runs) else []
        tables += [_costs(comparison)]
    return tables


def _has_differences(comparison: Comparison) -> bool:
    return any(not isnan(found.value) for row in comparison.rows for found in row.differences.values())


def _differences(comparison: Comparison) -> TextTable:
    header = ["experiment", "seeds", *(column_title(column) for column in comparison.columns)]
    rows: list[list[str]] = []
    bold: list[tuple[int, int]] = []
    for row in comparison.finished:
        if row.experiment == comparison.baseline:
            continue
        bold += [(len(rows), k) for k, c in enumerate(comparison.columns, 2) if row.differences[c].significant]
        seeds = max(found.seeds for found in row.differences.values())
        cells = [_difference(row.differences[c]) for c in comparison.columns]
        rows.append([experiment_name(row), str(seeds), *cells])
    tests = sorted({found.test for row in comparison.rows for found in row.differences.values() if found.test})
    notes = ["In points, paired over the same samples and seeds [95% interval], p by Holm's correction over the table; "
             f"bold: significant. Tests: {'; '.join(tests)}.",
             *_undefined([found for row in comparison.finished for found in row.differences.values()])]  # fmt: skip
    return TextTable("differences", f"Difference to {plain(comparison.baseline)}", header, rows, bold, notes)


def _undefined(found: Sequence[Difference]) -> list[str]:
    without = any(not isnan(each.value) and isnan(each.p) for each in found)
    return ["No p where every seed and every sample gives the same difference: no test is defined."] if without else []


def _difference(found: Difference) -> str:
    if isnan(found.value):
        return NOTHING
    p = "" if isnan(found.adjusted) else " p<0.001" if found.adjusted < 0.001 else f" p={found.adjusted:.2g}"
    return interval(found, "+") + p


def _joint(comparison: Comparison) -> TextTable:
    header = ["data set", "joint", "single", "seeds", "joint, %", "single, %", "difference"]
    rows = [[f.dataset, plain(f.joint), plain(f.single), str(f.difference.seeds), interval(f.joint_value),
             interval(f.single_value), _difference(f.difference)] for f in comparison.joint]  # fmt: skip
    bold = [(index, 6) for index, found in enumerate(comparison.joint) if found.difference.significant]
    notes = ["Experiments that differ in nothing but the data sets they were trained on; difference in points, paired, "
             "p by Holm's correction over this table; bold: significant.",
             *_undefined([found.difference for found in comparison.joint])]  # fmt: skip
    return TextTable("joint_vs_single", "Joint against single", header, rows, bold, notes, left=3)


_FURTHER: dict[str, Callable[[DatasetResult], float | None]] = {
    "top-5": lambda result: result.top5,
    "mean over classes": lambda result: result.mean_class_accuracy,
    "expected calibration error": lambda result: result.ece,
}


def _further(comparison: Comparison) -> TextTable:
    names = comparison.statistics.datasets
    results = [found for row in comparison.finished for run in row.runs for found in run.datasets.values()]
    shown = {title: get for title, get in _FURTHER.items() if any(get(found) is not None for found in results)}
    rows = [[experiment_name(row), *(_several(row, name, shown) for name in names)] for row in comparison.finished]
    few = "; no top-5 where classes are fewer than six" if "top-5" in shown else ""
    titles = " / ".join(shown)
    note = f"{titles[0].upper()}{titles[1:]}, in %, means over seeds{few}."
    return TextTable("further", "Further metrics", ["experiment", *names], rows, [], [note])


def _several(row: Row, dataset: str, shown: dict[str, Callable[[DatasetResult], float | None]]) -> str:
    results = [run.datasets[dataset] for run in row.runs if dataset in run.datasets]
    return " / ".join(_over_seeds([get(found) for found in results]) for get in shown.values()) if results else NOTHING


def _over_seeds(values: list[float | None]) -> str:
    known = [value for value in values if value is not None]
    return percent(sum(known) / len(known)) if known else NOTHING


def _neighbours(comparison: Comparison) -> TextTable:
    """Of the experiments whose evaluation asks nearest neighbours."""
    asked = [row for row in comparison.finished if any(run.knn for run in row.runs)]
    measured = {name for row in asked for run in row.runs for name in run.knn}
    names = [name for name in comparison.statistics.datasets if name in measured]
    rows = [[experiment_name(row), *(_vote(row, name, comparison.metric) for name in names)] for row in asked]
    note = (
        f"{METRIC_NAMES[comparison.metric].capitalize()} accuracy in %, means over seeds: by the vote of the k "
        "training samples whose features are nearest / by the head."
    )
    return TextTable("neighbours", "Nearest neighbours", ["experiment", *names], rows, [], [note])


def _vote(row: Row, dataset: str, metric: str) -> str:
    runs = [run for run in row.runs if dataset in run.knn]
    if not runs:
        return NOTHING
    voted, own = ([part[dataset].value(metric) for part in parts] for parts in
                  ([run.knn for run in runs], [run.datasets for run in runs]))  # fmt: skip
    return f"{_over_seeds(voted)} / {_over_seeds(own)} (k = {runs[0].evaluation['knn']})"


def _costs(comparison: Comparison) -> TextTable:
    header = [
        "experiment",
        "device",
        "parameters, M",
        "GFLOPs per image",
        "GFLOPs per clip",
        "samples/s",
        "training, h",
    ]
    rows = []
    for row in comparison.finished:
        if (found := row.cost) is not None:
            numbers = [(found.parameters or 0) / 1e6 or None, found.image_gflops, found.clip_gflops,
                       found.samples_per_second, found.hours]  # fmt: skip
            rows.append([experiment_name(row), plain(found.device) or NOTHING, *map(_number, numbers)])
    note = ("GFLOPs count a multiply-accumulate once, attention included, for one view; hours are those of training "
            "alone, on the device named.")  # fmt: skip
    return TextTable("costs", "Cost", header, rows, [], [note], left=2)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.3g}" if value < 1000 else f"{value:,.0f}"
