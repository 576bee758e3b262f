"""The comparison table as people read it: percentages, ± over seeds, the best of each column."""

from dataclasses import dataclass

import pandas as pd

HEAD = ("experiment", "model", "pretrain", "iterations", "seeds")
NOTHING = "–"


@dataclass(frozen=True)
class Cells:
    """A table of texts."""

    header: list[str]
    rows: list[list[str]]
    best: set[tuple[int, int]]
    """(row, column) of the best values; equal to the digits shown are all the best."""
    notes: list[str]


def cells(table: pd.DataFrame, names: dict[str, str] | None = None) -> Cells:
    """The texts of a comparison table (the content of comparison.csv)."""
    columns = [column.removesuffix("_mean") for column in table.columns if column.endswith("_mean")]
    header = [*HEAD, *(_title(column) for column in columns)]
    records = table.to_dict("records")
    rows = [[*_head(row, names or {}), *(_value(row, column) for column in columns)] for row in records]
    best = set()
    for place, column in enumerate(columns, start=len(HEAD)):
        shown = [round(100 * row[f"{column}_mean"], 1) for row in records]
        largest = max((value for value in shown if value == value), default=None)
        best |= {(index, place) for index, value in enumerate(shown) if value == largest and len(records) > 1}
    return Cells(header, rows, best, [*_what(columns, records), *_missing(records), *_incomplete(records, columns)])


def _title(column: str) -> str:
    name, _, _ = column.rpartition("_")
    return "mean" if name == "all" else name


def _head(row: dict, names: dict[str, str]) -> list[str]:
    missing = len(str(row["missing"]).split()) if isinstance(row["missing"], str) else 0
    seeds = f"{row['n']} of {row['n'] + missing}" if missing else str(row["n"])
    texts = [names.get(row["experiment"], row["experiment"]), row["model"], row["pretrain"], row["iterations"]]
    return [*(_text(value) for value in texts), seeds]


def _text(value: object) -> str:
    if value is None or value != value or value == "":
        return NOTHING
    return f"{int(value)}" if isinstance(value, float) else str(value)


def _value(row: dict, column: str) -> str:
    mean, std = row[f"{column}_mean"], row[f"{column}_std"]
    if mean != mean:
        return NOTHING
    return f"{100 * mean:.1f}" + (f" ± {100 * std:.1f}" if std == std else "")


def _what(columns: list[str], records: list[dict]) -> list[str]:
    metric = columns[-1].rpartition("_")[2].replace("top", "Top-")
    several = any(row["n"] > 1 for row in records)
    return [f"{metric} accuracy in %{', mean ± standard deviation over seeds' if several else ''}."]


def _missing(records: list[dict]) -> list[str]:
    found = [f"{row['experiment']} seed {row['missing'].replace(' ', ', ')}" for row in records
             if isinstance(row["missing"], str) and row["missing"]]  # fmt: skip
    return [f"Without a result yet: {'; '.join(found)}."] if found else []


def _incomplete(records: list[dict], columns: list[str]) -> list[str]:
    if not columns or all(row[f"{columns[-1]}_mean"] == row[f"{columns[-1]}_mean"] for row in records if row["n"]):
        return []
    return ["The mean is over all data sets of the table, where an experiment has them all."]
