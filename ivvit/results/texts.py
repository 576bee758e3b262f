"""Tables as people read them, and how numbers are written in them."""

from dataclasses import dataclass, field
from math import isnan

from ivvit.results.comparison import Row
from ivvit.results.estimates import Difference, Estimate
from ivvit.results.safe import plain
from ivvit.results.statistics import ALL

NOTHING = "–"


@dataclass(frozen=True)
class TextTable:
    """A table of texts."""

    name: str
    """What its files are called."""
    title: str
    header: list[str]
    rows: list[list[str]]
    bold: list[tuple[int, int]] = field(default_factory=list)
    """(row, column)."""
    notes: list[str] = field(default_factory=list)
    left: int = 1
    """Leading columns of words; the others are numbers."""
    below: int = 0
    """Trailing rows that are no experiments of one's own: published ones, chance."""


def percent(value: float | None, sign: str = "") -> str:
    """73.2, or a dash."""
    if value is None or isnan(value):
        return NOTHING
    return f"{round(100 * value, 1) + 0.0:{sign}.1f}".replace("-", "−")  # + 0.0: no minus before a zero


def interval(found: Estimate | Difference, sign: str = "") -> str:
    """73.2 [70.1, 76.0], or a dash."""
    if isnan(found.value):
        return NOTHING
    inner = "" if isnan(found.low) else f" [{percent(found.low, sign)}, {percent(found.high, sign)}]"
    return percent(found.value, sign) + inner


def arrow(difference: Difference) -> str:
    """Significantly better or worse than the baseline."""
    return ("↑" if difference.value > 0 else "↓") if difference.significant else ""


def column_title(column: str) -> str:
    """The title of a data set's column."""
    return "mean" if column == ALL else column


def experiment_name(row: Row) -> str:
    """Its name, marked where it is tuned (‡) or accepted (§)."""
    return plain(row.experiment) + ("‡" if row.tuned else "") + ("§" if row.accepted else "")
