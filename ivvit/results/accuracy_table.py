"""The comparison itself: accuracies with intervals, the best of each column, and notes on what they are."""

from collections.abc import Callable

from ivvit.results.comparison import METRIC_NAMES, Comparison, Row
from ivvit.results.safe import plain
from ivvit.results.texts import NOTHING, TextTable, arrow, column_title, experiment_name, interval, percent

_LISTED = 8


def accuracy_table(comparison: Comparison) -> TextTable:
    """Every experiment on every data set, published rows and guesses below."""
    settings: dict[str, Callable[[Row], object]] = {
        "model": lambda row: row.model,
        "pretrain": lambda row: row.setting("pretrain"),
        "iterations": lambda row: row.setting("iterations"),
        "seeds": _seeds,
    }
    shown, same = _settings(comparison, settings)
    header = ["experiment", *shown, *(column_title(column) for column in comparison.columns)]
    rows, first = [], len(header) - len(comparison.columns)
    for row in comparison.rows:
        texts = [plain(text) if (text := settings[key](row)) not in (None, "") else NOTHING for key in shown]
        cells = [interval(row.means[c]) + arrow(row.differences[c]) for c in comparison.columns]
        rows.append([experiment_name(row), *texts, *cells])
    bold = [(i, first + k) for i, row in enumerate(comparison.rows) for k, c in enumerate(comparison.columns)
            if row.experiment in comparison.best[c]]  # fmt: skip
    more = [*_published(comparison, len(shown)), *_guesses(comparison, len(shown))]
    notes = [*_what(comparison), *same, *_marks(comparison), *_sources(comparison), *_missing(comparison)]
    return TextTable("comparison", "Comparison", header, rows + more, bold, notes, 1 + len(shown), len(more))


def _seeds(row: Row) -> str:
    return str(len(row.runs)) if len(row.runs) == row.wanted else f"{len(row.runs)} of {row.wanted}"


def _settings(comparison: Comparison, settings: dict[str, Callable[[Row], object]]) -> tuple[list[str], list[str]]:
    """(those that differ between experiments, a note on those that do not)."""
    found = {key: map(get, comparison.rows) for key, get in settings.items()}
    values = {
        key: list(dict.fromkeys(value for value in each if value not in (None, ""))) for key, each in found.items()
    }
    shown = [key for key, different in values.items() if len(different) != 1]
    same = [f"{key} {plain(different[0])}" for key, different in values.items() if key not in shown]
    return shown, [f"In all experiments: {', '.join(same)}."] if same else []


def _what(comparison: Comparison) -> list[str]:
    if not comparison.finished:
        return ["No run is finished yet."]
    seeds = any(len(row.runs) > 1 for row in comparison.finished)
    splits = {(name, row.split(name)) for row in comparison.finished for name in comparison.statistics.measured}
    kinds = sorted({split for _, split in splits if split})
    where = f"on the {kinds[0]} split" if len(kinds) == 1 else "on " + ", ".join(
        sorted(f"{name}'s {split} split" for name, split in splits if split))  # fmt: skip
    mean = "mean over seeds" if seeds else "one seed each"
    over = "samples and seeds" if seeds else "samples"
    counts = ", ".join(f"{name} {_count(comparison, name)}" for name in comparison.statistics.measured)
    return [
        f"{METRIC_NAMES[comparison.metric].capitalize()} accuracy in % {where}, {mean} [95% interval over {over}].",
        f"Test samples: {counts}.",
        "Bold: the best of each column, and all that are not significantly worse (5%, Holm's correction).",
        *_baseline(comparison),
        "Chance: any class at random. Majority: always the most frequent class.",
    ]


def _count(comparison: Comparison, dataset: str) -> str:
    results = [run.datasets[dataset] for row in comparison.finished for run in row.runs if dataset in run.datasets]
    samples, groups = max(result.num_samples for result in results), results[0].num_groups
    return f"{samples:,}" + (f" in {groups:,} groups" if groups and groups < results[0].num_samples else "")


def _baseline(comparison: Comparison) -> list[str]:
    if comparison.baseline is None:
        return []
    if comparison.baseline not in comparison.statistics.runs:
        return [f"No differences yet: the baseline {comparison.baseline} has no result."]
    return [f"↑ ↓: significantly better or worse than {comparison.baseline} (5%, Holm's correction over the table)."]


def _marks(comparison: Comparison) -> list[str]:
    tuned = [f"{plain(row.experiment)} ({plain(row.tuned)})" for row in comparison.rows if row.tuned]
    accepted = [f"{plain(row.experiment)} ({plain(row.accepted)})" for row in comparison.rows if row.accepted]
    return [
        *([f"‡ tuned by a study: {'; '.join(tuned)}."] if tuned else []),
        *([f"§ an earlier result, accepted as today's: {'; '.join(accepted)}."] if accepted else []),
    ]


def _published(comparison: Comparison, blanks: int) -> list[list[str]]:
    rows = []
    for found in comparison.references:
        values = {**(found.top5 if comparison.metric == "top5" else found.top1)}
        cells = [f"{values[c]:.1f}" if c in values else NOTHING for c in comparison.columns]
        rows.append([f"{plain(found.name)}†", *[NOTHING] * blanks, *cells])
    return rows


def _sources(comparison: Comparison) -> list[str]:
    return [f"† {plain(found.name)}: {plain(found.source)}{f' ({plain(found.protocol)})' if found.protocol else ''}."
            for found in comparison.references]  # fmt: skip


def _guesses(comparison: Comparison, blanks: int) -> list[list[str]]:
    if not comparison.finished:
        return []
    kinds = {"chance": comparison.chance, "majority": comparison.majority}
    return [[name, *[NOTHING] * blanks, *(percent(values.get(c)) for c in comparison.columns)]
            for name, values in kinds.items()]  # fmt: skip


def _missing(comparison: Comparison) -> list[str]:
    if not comparison.missing:
        return []
    reasons: dict[tuple[str, str], list[int]] = {}
    for ref, why in comparison.missing.items():
        reasons.setdefault((ref.experiment, why), []).append(ref.seed)
    lines = [
        f"{plain(name)} seed {', '.join(map(str, seeds))} ({plain(why)})" for (name, why), seeds in reasons.items()
    ]
    more = f"; and {len(lines) - _LISTED} more, see runs.csv" if len(lines) > _LISTED else ""
    return [f"Without a result: {'; '.join(lines[:_LISTED])}{more}."]
