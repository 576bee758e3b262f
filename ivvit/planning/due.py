"""How Snakemake learns which checks must be done again: by a mark that is newer than the lock, or older than all.

Its own memory of parameters is lost with .snakemake, and times of files say nothing after a copy or a touch; so the
marks' times are set anew whenever a workflow starts, from what the records say.
"""

import os
import time
from pathlib import Path

from ivvit.planning.jobs import Jobs
from ivvit.planning.records import outdated, recorded

_LONG_AGO = 1  # seconds since the epoch


def show_due(jobs: Jobs) -> None:
    """Mark the checks that must be done again, and unmark the others."""
    again = outdated(jobs)
    for lock in _locks(jobs):
        mark = jobs.paths.due(lock)
        if lock in again or not mark.is_file():
            mark_due(jobs, lock)
        if lock not in again:
            os.utime(mark, (_LONG_AGO, _LONG_AGO))


def mark_due(jobs: Jobs, lock: Path) -> None:
    """Mark one check."""
    mark = jobs.paths.due(lock)
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(f"{time.time_ns()}\n")  # another content: Snakemake compares checksums too


def store_is_due(jobs: Jobs, dataset: str) -> bool:
    """Whether a frame store's lock is of another manifest than the one that is there; then it is marked.

    A manifest may become another one while a workflow runs, which Snakemake takes for no reason to look at frames.
    """
    lock = jobs.paths.frames(dataset)
    due = not lock.is_file() or recorded(jobs.paths, lock) != jobs.extraction_key(dataset)
    if due and lock.is_file():
        mark_due(jobs, lock)
    return due


def _locks(jobs: Jobs) -> list[Path]:
    demo = [] if jobs.config.file.demo is None else [jobs.demo_lock]
    videos = [name for name, data in jobs.config.datasets.items() if data.is_video]
    return [
        *demo,
        *(jobs.paths.manifest(name) for name in jobs.config.datasets),
        *(jobs.paths.frames(name) for name in videos),
        *(jobs.paths.weights(pretrain) for pretrain in jobs.weights.values()),
    ]
