"""Who works on a run now: what its lock file and history say, without touching either."""

import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SILENT_SECONDS = (
    120  # another host's heartbeat (every 10 s) older than this is taken for dead; NFS clocks differ a little
)


@dataclass(frozen=True)
class Holder:
    """A live process at work on a run."""

    host: str
    pid: int
    since: float
    slurm_job: str | None = None

    def __str__(self) -> str:
        job = f", Slurm job {self.slurm_job}" if self.slurm_job else ""
        return f"{self.host}, process {self.pid}{job}"


def holder(folder: Path) -> Holder | None:
    """The process that trains in this folder, or None."""
    return lock_holder(folder / "state" / "lock")


def lock_holder(lock: Path) -> Holder | None:
    """The live process that holds a lock file, or None."""
    try:
        content, beat = json.loads(lock.read_text()), lock.stat().st_mtime
        found = Holder(content["host"], content["pid"], content["since"], content.get("slurm_job"))
    except (OSError, ValueError, KeyError):
        return None
    if found.host == socket.gethostname():
        return found if _runs(found.pid, content.get("started")) else None
    return found if time.time() - beat < SILENT_SECONDS else None


def show_living(results: Path) -> None:
    """Say which runs jobs of an earlier start still train: a second job is refused, and Snakemake's retries are few."""
    for lock in sorted(results.glob("runs/*/seed*/state/lock")):
        folder = lock.parent.parent
        if found := holder(folder):
            print(
                f"{_name(folder)} is being trained already: {found}; iteration {reached(folder) or 0}. "
                "Until that ends, a second job for it is refused: better wait, or end it, before you go on",
                file=sys.stderr,
            )


def _name(folder: Path) -> str:
    try:
        content = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))
        return f"{content['name']}, seed {content['seed']},"
    except (OSError, ValueError, KeyError):  # it has only just started
        return str(folder)


def _runs(pid: int, started: str | None) -> bool:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return False
        try:  # no /proc: macOS
            os.kill(pid, 0)
        except OSError:
            return False
        return True
    return fields[0] != "Z" and fields[19] == started


def reached(folder: Path) -> int | None:
    """The last iteration in history.csv, read from its end."""
    try:
        with (folder / "history.csv").open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
            lines = file.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        first = line.split(",")[0]
        if first.isdigit():
            return int(first)
    return None
