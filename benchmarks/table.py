"""What benchmarks print and keep: a line per measurement, and what machine it is of."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from typing import Any

from common import RESULTS


def show_and_save(name: str, rows: Sequence[Mapping[str, float]], **about: Any) -> None:
    """Print the rows, all with the same keys, and write results/<name>-<cores>-cores.json.

    about: further settings, kept in the file.
    """
    columns = list(rows[0])
    print("  ".join(columns))
    for row in rows:
        print("  ".join(f"{row[column]:>{len(column)}.4g}" for column in columns))
    machine = {"machine": platform.processor() or platform.machine(), "cores": os.cpu_count(), "load": os.getloadavg()}
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}-{os.cpu_count()}-cores.json"
    path.write_text(json.dumps({**machine, **about, "rows": rows}, indent=1) + "\n")
