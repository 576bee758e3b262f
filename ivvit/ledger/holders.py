"""Which runs are at work and how far they are, without touching them."""

import os
import re
import sys
from pathlib import Path

from ivvit.ground.files import read_object
from ivvit.ground.holder import holder

_CHECKPOINT = re.compile(r"(\d+)-[0-9a-f]{64}\.ckpt$")  # see ivvit.runs.checkpoint


def show_living(results: Path) -> None:
    """Say which runs jobs of an earlier start still train: a second job is refused, and Snakemake's retries are few."""
    for lock in sorted(results.glob("runs/*/seed*/state/lock")):
        folder = lock.parent.parent
        if found := holder(lock):
            print(
                f"{_name(folder)} is being trained already: {found}; iteration {reached(folder) or 0}. "
                "Until that ends, a second job for it is refused: better wait, or end it, before you go on",
                file=sys.stderr,
            )


def _name(folder: Path) -> str:
    content = read_object(folder / "provenance.json")
    if "name" not in content:  # it has only just started
        return str(folder)
    return f"{content['name']}, seed {content.get('seed')},"


def reached(folder: Path) -> int | None:
    """The last iteration in history.csv, read from its end."""
    try:
        with (folder / "history.csv").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except OSError:
        return None
    for line in reversed(lines):
        first = line.split(",")[0]
        if first.isdigit():
            return int(first)
    return None


def resumes_at(folder: Path) -> int:
    """The iteration of a run's newest checkpoint, from which it goes on; 0 where there is none."""
    found = [_CHECKPOINT.match(path.name) for path in folder.glob("state/*.ckpt")]
    return max((int(match[1]) for match in found if match), default=0)
