"""The tables for a terminal, as wide as it is."""

import io
import re
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivvit.results.tables import read_tables
from ivvit.results.texts import TextTable

_DETAILS = ("further", "costs")
_WIDE = 200  # where there is no terminal
_GAP = 2  # between columns


def format_tables(folder: Path, width: int | None = None, all_tables: bool = True) -> str:
    """The tables in a folder as text, or those of accuracies alone; in colour where standard output is a terminal.

    Raises:
        UserError: there are none, or they are damaged.
    """
    width = width or shutil.get_terminal_size((_WIDE, 24)).columns
    text = io.StringIO()
    console = Console(file=text, width=max(width, 40), force_terminal=sys.stdout.isatty() or None)
    for table in read_tables(folder):
        if table.name in _DETAILS and not all_tables:
            continue
        console.print(Text(table.title, "bold"))
        fitting = _fitting(table, console.width)
        for number, columns in enumerate(_parts(fitting, console.width)):
            console.print(*[""] * bool(number), _table(fitting, columns), sep="\n")
        for note in table.notes:
            console.print(Text(note, "dim"))
        console.print()
    return "\n".join(line.rstrip() for line in text.getvalue().rstrip().splitlines())


def _close(text: str) -> str:
    """73.2 [70.1,76.0]"""
    return _INTERVAL.sub(lambda found: found[0].replace(", ", ","), text)


def _below(text: str) -> str:
    """The interval, and what follows it, in a line of its own."""
    return _INTERVAL.sub(lambda found: f"{found[2]}\n{found[1]}", text, count=1)


_INTERVAL = re.compile(r" (\[[^\[\]]*\])([↑↓]?)")
_FORMS: tuple[Callable[[str], str], ...] = (str, _close, _below)
"""How cells are written, the widest first."""


def _fitting(table: TextTable, width: int) -> TextTable:
    """The table with cells in the widest form in which it fits, else in the narrowest."""
    for form in _FORMS:
        found = replace(table, rows=[[*row[: table.left], *map(form, row[table.left :])] for row in table.rows])
        if sum(_sizes(found)) <= width + _GAP:
            break
    return found


def _sizes(table: TextTable) -> list[int]:
    """The columns' widths, with the gap after each."""
    lines = [[line for cell in column for line in cell.split("\n")]
             for column in zip(table.header, *table.rows, strict=True)]  # fmt: skip
    return [max(map(cell_len, column)) + _GAP for column in lines]


def _parts(table: TextTable, width: int) -> list[list[int]]:
    """The columns of each part of a table: as many as fit, the first one in all."""
    sizes = _sizes(table)
    parts, current, used = [], [0], sizes[0]
    for place in range(1, len(sizes)):
        if used + sizes[place] > width + _GAP and len(current) > 1:
            parts.append(current)
            current, used = [0], sizes[0]
        current.append(place)
        used += sizes[place]
    return [*parts, current]


def _table(table: TextTable, columns: list[int]) -> Table:
    found = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, collapse_padding=True)
    for place in columns:
        found.add_column(table.header[place], justify="left" if place < table.left else "right", overflow="fold")
    for index, row in enumerate(table.rows):
        last = index + 1 == len(table.rows) - table.below
        texts = [Text(row[place], "bold green" if (index, place) in table.bold else "") for place in columns]
        found.add_row(*texts, end_section=last)
    return found
