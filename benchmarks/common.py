"""What the benchmarks share: a fresh process for each measurement, the processor's name, a table, a file of results."""

import json
import multiprocessing
import os
import platform
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

RESULTS = Path(os.environ.get("BENCHMARK_RESULTS", Path(__file__).parent / "results"))


def alone(run: Callable[..., Any], *args: object) -> Any:
    """What `run` returns, in a fresh process of its own.

    Raises:
        RuntimeError: it failed, or the process ended without an answer.
    """
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_send, args=(there, run, args))
    process.start()
    there.close()
    try:
        done, result = here.recv()
    except EOFError:
        process.join()
        raise RuntimeError(f"the process ended with {process.exitcode}") from None
    process.join()
    if not done:
        raise RuntimeError(result)
    return result


def _send(there: Any, run: Callable[..., Any], args: tuple[object, ...]) -> None:
    try:
        there.send((True, run(*args)))
    except BaseException:
        there.send((False, traceback.format_exc()))


def resident(pid: int) -> float:
    """Resident memory of a process in MB, mapped files and shared memory included."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def cpu_name() -> str:
    """The processor's own name."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.processor())


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """To the terminal."""
    table = Table(*head)
    for row in rows:
        table.add_row(*row)
    Console(width=120).print(table)


def hardware(gpu: str | None = None) -> str:
    """What a measurement is of, good for a file's name: a GPU, or the processor and its cores."""
    name = gpu or f"{cpu_name()} {os.cpu_count()} cores"
    return re.sub(r"[^a-z0-9.]+", "-", re.sub(r"\(r\)|processor", "", name.lower())).strip("-")


def write_results(name: str, content: dict[str, Any]) -> Path:
    """results/<processor>-<cores>-cores-<name>.json."""
    RESULTS.mkdir(exist_ok=True)
    file = RESULTS / f"{hardware()}-{name}.json"
    file.write_text(json.dumps(content, indent=1) + "\n")
    return file


def show_and_save(name: str, rows: Sequence[Mapping[str, float]]) -> None:
    """Print measurements that have the same keys, a column each, and write them as `write_results` does."""
    show(rows)
    write_results(name, {"cpu": cpu_name(), "load": os.getloadavg(), "rows": rows})


def show(rows: Sequence[Mapping[str, float]]) -> None:
    """A line per key, a column per row."""
    for key in rows[0]:
        print(f"{key:<18}" + "".join(f"{row[key]:>11.4g}" for row in rows))
