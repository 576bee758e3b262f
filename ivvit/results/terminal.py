"""The comparison table for a terminal."""

import io
import shutil
import sys
from pathlib import Path

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ivvit.results.cells import HEAD, cells


def format_table(out_csv: Path) -> str:
    """The table in comparison.csv as text; in colour where standard output is a terminal."""
    text = cells(pd.read_csv(out_csv, keep_default_na=False, na_values=[""], dtype={"missing": str}))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, title in enumerate(text.header):
        table.add_column(title, justify="left" if place < 3 else "right", overflow="fold")
    for index, row in enumerate(text.rows):
        table.add_row(*(Text(c, "bold green" if (index, p) in text.best else "") for p, c in enumerate(row)))
    width = shutil.get_terminal_size((40 + 18 * (len(text.header) - len(HEAD) + 3), 24)).columns
    console = Console(file=io.StringIO(), width=max(width, 60), force_terminal=sys.stdout.isatty() or None)
    console.print(table)
    for note in text.notes:
        console.print(Text(note, "dim"))
    return console.file.getvalue().rstrip()
