"""Tables for people (comparison, differences, joint_vs_single, further, costs) and for programs (CSV)."""

import json
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from pydantic import TypeAdapter, ValidationError

from ivvit.ground.errors import UserError
from ivvit.ground.files import write_text
from ivvit.results.comparison import Comparison
from ivvit.results.frames import class_frames, comparison_frame, joint_frame, pairs_frame
from ivvit.results.further_tables import text_tables
from ivvit.results.origins import origins
from ivvit.results.safe import csv_text, plain, tex
from ivvit.results.texts import TextTable

TEXTS = "tables.json"
"""The texts of all tables: what `ivvit results` and the report show."""


def write_tables(comparison: Comparison, out: Path) -> None:
    """Write the tables into the folder `out`; runs without a result are left out with a note.

    comparison.md has all tables for people, <table>.tex each of them for booktabs; comparison.csv, joint_vs_single.csv,
    pairs.csv, runs.csv and per_class/<data set>.csv have the numbers, accuracies as fractions.
    """
    tables = text_tables(comparison)
    (out / "per_class").mkdir(parents=True, exist_ok=True)
    _write_csv(comparison_frame(comparison), out / "comparison.csv")
    _write_csv(joint_frame(comparison), out / "joint_vs_single.csv")
    _write_csv(pairs_frame(comparison), out / "pairs.csv")
    _write_csv(origins(comparison), out / "runs.csv")
    for name, frame in class_frames(comparison).items():
        _write_csv(frame, out / "per_class" / f"{name}.csv")
    texts = {table.name: table for table in tables}
    texts.setdefault("joint_vs_single", _no_pairs())
    write_text(out / "comparison.md", "\n".join(f"## {table.title}\n\n{markdown(table)}" for table in tables))
    write_text(out / "joint_vs_single.md", markdown(texts["joint_vs_single"]))
    for name, table in texts.items():
        write_text(out / f"{name}.tex", latex(table))
    write_text(out / TEXTS, json.dumps([asdict(table) for table in tables], ensure_ascii=False, indent=1) + "\n")


def read_tables(out: Path) -> list[TextTable]:
    """The texts of the tables in a folder.

    Raises:
        UserError: there are none, or the file is damaged.
    """
    file = out / TEXTS
    try:
        return _TABLES.validate_json(file.read_bytes())
    except FileNotFoundError:
        raise UserError(f"{file} is not there yet; start `snakemake`") from None
    except (OSError, ValidationError) as error:
        raise UserError(f"{file} is damaged ({str(error).splitlines()[0]}); `ivvit tables` writes it again") from None


_TABLES = TypeAdapter(list[TextTable])


def markdown(table: TextTable) -> str:
    """The table in Markdown."""
    left = ["---"] * table.left
    lines = [table.header, [*left, *["---:"] * (len(table.header) - len(left))]]
    for index, row in enumerate(table.rows):
        lines.append([f"**{c}**" if (index, place) in table.bold else c for place, c in enumerate(map(_cell, row))])
    text = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return "\n\n".join([text, *(_cell(note) for note in table.notes)]) + "\n"


def latex(table: TextTable) -> str:
    """The table in LaTeX, for the package booktabs."""
    frame = pd.DataFrame(table.rows, columns=pd.RangeIndex(len(table.header)))
    titles: dict[object, str] = dict(enumerate(map(tex, table.header)))
    styler = frame.style.hide(axis="index").format(tex).format_index(titles.__getitem__, axis=1)
    bold = pd.DataFrame("", frame.index, frame.columns)
    for row, column in table.bold:
        bold.iat[row, column] = "textbf:--rwrap;"
    columns = "l" * table.left + "r" * (len(table.header) - table.left)
    text = styler.apply(lambda _: bold, axis=None).to_latex(column_format=columns, hrules=True)
    if 0 < table.below < len(table.rows):
        lines = text.split("\n")
        at = lines.index(r"\bottomrule") - table.below
        text = "\n".join([*lines[:at], r"\midrule", *lines[at:]])
    return text + "".join(f"% {plain(note)}\n" for note in table.notes)


def _cell(text: str) -> str:
    """Harmless in a row of Markdown, which is HTML as well."""
    for character, code in (
        ("&", "&amp;"),
        ("<", "&lt;"),
        ("|", "&#124;"),
        ("*", "&#42;"),
        ("`", "&#96;"),
        ("](", "]&#40;"),
    ):
        text = text.replace(character, code)
    return text


def _no_pairs() -> TextTable:
    note = "No two experiments differ in nothing but their data sets; `over: {datasets: each}` in a grid makes such."
    return TextTable(
        "joint_vs_single", "Joint against single", ["data set", "joint", "single"], [], notes=[note], left=3
    )


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    rows = [[csv_text(value) for value in row] for row in table.itertuples(index=False, name=None)]
    harmless = pd.DataFrame(rows, columns=[csv_text(column) for column in table.columns], dtype=object)
    write_text(path, harmless.to_csv(index=False, lineterminator="\n"))
