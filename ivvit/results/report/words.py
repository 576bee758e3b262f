"""What the tables say, in sentences."""

from ivvit.results.comparison import METRIC_NAMES, Comparison, Row
from ivvit.results.estimates import Difference
from ivvit.results.statistics import ALL
from ivvit.results.texts import interval, percent

_NAMED = 4


def sentences(comparison: Comparison) -> list[str]:
    """The best of each data set, what differs from the baseline, what joint training gives, what is missing."""
    if not comparison.finished:
        return ["No run is finished yet."]
    return [
        *(_best(comparison, column) for column in comparison.columns if len(comparison.finished) > 1),
        *_baseline(comparison),
        *_joint(comparison),
        *_few(comparison),
        *_missing(comparison),
    ]


def listed(names: list[str]) -> str:
    """`a, b and c`."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def _best(comparison: Comparison, column: str) -> str:
    rows = [row for row in comparison.finished if row.means[column].seeds]
    where = "Mean over all data sets" if column == ALL else column
    if not rows:
        return f"{where}: nothing to compare, for no experiment has them all."
    first = max(rows, key=lambda row: row.means[column].value)
    found = first.means[column]
    with_what = f"with {METRIC_NAMES[comparison.metric]} {interval(found).replace(' [', '% [')}"
    if len(rows) == 1:
        return f"{where}: only {first.experiment} has a result, {with_what}."
    top = [row.experiment for row in rows if row.means[column].value == first.means[column].value]
    close = [row.experiment for row in rows if row.experiment in comparison.best[column] and row.experiment not in top]
    text = f"{where}: {_some(top, 'experiments')} {_are(top)} best, {with_what}"
    if len(top) == len(rows):
        return f"{text}."
    if len(top) + len(close) == len(rows):
        return f"{text}; no other is significantly worse."
    if not close:
        return f"{text}; all others are significantly worse."
    return f"{text}; {_some(close, 'others (bold)')} {_are(close)} not significantly worse."


def _some(names: list[str], what: str) -> str:
    return listed(names) if len(names) <= _NAMED else f"{len(names)} {what}"


def _are(names: list[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _baseline(comparison: Comparison) -> list[str]:
    if comparison.baseline is None or comparison.baseline not in comparison.statistics.runs:
        return []
    rows = [row for row in comparison.finished if row.experiment != comparison.baseline]
    found = []
    for better, word in ((True, "better"), (False, "worse")):
        parts = [part for row in rows if (part := _where(row, comparison, better))]
        found += [f"Significantly {word} than {comparison.baseline}: {'; '.join(parts)}."] if parts else []
    return found or [f"Nothing differs significantly from the baseline {comparison.baseline}."] if rows else []


def _where(row: Row, comparison: Comparison, better: bool) -> str:
    names = [f"{'the mean' if column == ALL else column} ({_points(row.differences[column])})"
             for column in comparison.columns
             if row.differences[column].significant and (row.differences[column].value > 0) == better]  # fmt: skip
    return f"{row.experiment} on {listed(names)}" if names else ""


def _points(difference: Difference) -> str:
    return f"{percent(difference.value, '+')} points"


def _joint(comparison: Comparison) -> list[str]:
    known = [pair for pair in comparison.joint if pair.difference.samples]
    if not known:
        return []
    parts = []
    for better, word in ((True, "helps on"), (False, "hurts on")):
        found = [f"{pair.dataset} ({_points(pair.difference)}, {pair.joint})" for pair in known
                 if pair.difference.significant and (pair.difference.value > 0) == better]  # fmt: skip
        parts += [f"{word} {listed(found)}"] if found else []
    others = sum(not pair.difference.significant for pair in known)
    if others:
        parts.append(f"makes no significant difference in {others} of {len(known)} comparisons")
    return [f"Joint training {', '.join(parts)}."]


def _few(comparison: Comparison) -> list[str]:
    seeds = [len(row.runs) for row in comparison.finished]
    if max(seeds) == 1:
        return ["Every experiment has one seed, so intervals do not show how much seeds differ."]
    if 2 in seeds:
        return ["Two seeds say little about how much seeds differ, so intervals from two are rough."]
    return []


def _missing(comparison: Comparison) -> list[str]:
    missing, total = len(comparison.missing), len(comparison.refs)
    return [f"{missing} of {total} runs {'has' if missing == 1 else 'have'} no result (below)."] if missing else []
