"""Who holds a lock, and whether it is alive: the one answer for all who ask.

On the same machine (its boot and its space of process numbers), a holder is alive if its process runs, told by number
and start time. On another machine it is alive if its heartbeat changes while one watches (ivvit.ground.lock). Whoever
cannot watch for a minute gets a third answer when the heartbeat is old: nobody knows, and it counts as held.
"""

import json
import os
import socket
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ivvit.ground.processes import machine, start_time
from ivvit.ground.slurm import job_number

SILENT_SECONDS = 120.0
"""The age of a heartbeat (one every 10 s) from which nobody knows: twice the watch, for hosts' clocks differ."""

Pulse = tuple[int, int] | None
"""What changes with each heartbeat; None where there is no lock."""


@dataclass(frozen=True)
class Holder:
    """The process that a lock names."""

    host: str
    pid: int
    started: str
    machine: str
    token: str
    since: float
    """Seconds since the epoch, by the holder's clock."""
    slurm_job: str | None = None
    silent_since: float | None = None
    """Its last heartbeat (seconds since the epoch), where nobody knows whether it is alive."""

    @classmethod
    def me(cls, token: str) -> "Holder":
        """This process."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, start_time(pid), machine(), token, time.time(), job_number())

    def __str__(self) -> str:
        name = f"{self.host}, process {self.pid}" if self.pid else "a process that is about to take the lock"
        job = f", Slurm job {self.slurm_job}" if self.slurm_job else ""
        lost = f", heartbeat lost since {moment(self.silent_since)}" if self.silent_since is not None else ""
        return f"{name}{job}{lost}"

    def as_json(self) -> str:
        """The lock's content."""
        return json.dumps({key: value for key, value in asdict(self).items() if key != "silent_since"})

    def runs_here(self) -> bool | None:
        """Whether a holder of this machine is alive; None for another machine's, of which only its heartbeat tells."""
        if (self.host, self.machine) != (socket.gethostname(), machine()):
            return None
        return bool(self.started) and start_time(self.pid) == self.started


_UNNAMED = Holder("", 0, "", "", "", 0.0)


def read_holder(lock: Path) -> Holder | None:
    """Whom a lock names, dead or alive; None if there is no lock, or one that is not (or half) filled in."""
    try:
        content: dict[str, Any] = json.loads(lock.read_text(encoding="utf-8"))
        return Holder(
            str(content["host"]), int(content["pid"]), str(content["started"]), str(content["machine"]),
            str(content["token"]), float(content["since"]), content.get("slurm_job"),
        )  # fmt: skip
    except (OSError, ValueError, LookupError, TypeError):
        return None


def holder(lock: Path) -> Holder | None:
    """Who holds a lock, as far as can be told at once; None if nobody does or its holder is dead.

    A holder on another machine whose heartbeat is old has `silent_since`: whether it is alive, only watching tells.
    """
    found = read_holder(lock)
    lives = found.runs_here() if found else None
    if lives is not None:
        return found if lives else None
    pulse = pulse_of(lock)
    if pulse is None:
        return None
    beat = pulse[1] / 1e9
    fresh = time.time() - beat < SILENT_SECONDS
    if found is None:  # who takes a lock fills it in at once: an old one was left half-written, and its maker is dead
        return _UNNAMED if fresh else None
    return found if fresh else replace(found, silent_since=beat)


def is_held(lock: Path) -> bool:
    """Whether somebody holds a lock, or may: what nobody knows to be dead counts as alive."""
    return holder(lock) is not None


def pulse_of(lock: Path) -> Pulse:
    """The lock's state; another one after each heartbeat."""
    try:
        with lock.open("rb") as file:  # opening makes NFS look at the server's attributes
            status = os.fstat(file.fileno())
        return status.st_ino, status.st_mtime_ns
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:  # not ours to read, a folder, a link to itself
        with suppress(OSError):
            status = os.lstat(lock)
            return status.st_ino, status.st_mtime_ns
        return None


def moment(seconds: float) -> str:
    """A time of day for people, in this machine's time zone."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
