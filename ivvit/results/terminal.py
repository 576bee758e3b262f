"""The tables for a terminal, as wide as it is."""

import io
import shutil
import sys
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivvit.results.tables import read_tables
from ivvit.results.texts import TextTable

_DETAILS = ("further", "costs")
_WIDE = 200  # where there is no terminal


def format_tables(folder: Path, width: int | None = None, all_tables: bool = True) -> str:
    """The tables in a folder as text, or those of accuracies alone; in colour where standard output is a terminal.

    Raises:
        FileNotFoundError: there are none.
    """
    width = width or shutil.get_terminal_size((_WIDE, 24)).columns
    text = io.StringIO()
    console = Console(file=text, width=max(width, 40), force_terminal=sys.stdout.isatty() or None)
    for table in read_tables(folder):
        if table.name in _DETAILS and not all_tables:
            continue
        console.print(Text(table.title, "bold"))
        for columns in _parts(table, console.width):
            console.print(_table(table, columns))
        for note in table.notes:
            console.print(Text(note, "dim"))
        console.print()
    return text.getvalue().rstrip()


def _parts(table: TextTable, width: int) -> list[list[int]]:
    """The columns of each part of a table: as many as fit, the first one in all."""
    sizes = [max(map(len, column)) + 3 for column in zip(table.header, *table.rows, strict=True)]
    parts, current, used = [], [0], sizes[0]
    for place in range(1, len(sizes)):
        if used + sizes[place] > width and len(current) > 1:
            parts.append(current)
            current, used = [0], sizes[0]
        current.append(place)
        used += sizes[place]
    return [*parts, current]


def _table(table: TextTable, columns: list[int]) -> Table:
    found = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place in columns:
        found.add_column(table.header[place], justify="left" if place < table.left else "right", overflow="fold")
    for index, row in enumerate(table.rows):
        last = index + 1 == len(table.rows) - table.below
        texts = [Text(row[place], "bold green" if (index, place) in table.bold else "") for place in columns]
        found.add_row(*texts, end_section=last)
    return found
