"""One process per run: a lock file that names its holder and dies with it, on network file systems too.

O_EXCL makes the file, so one process wins. On the same machine the holder lives if its process (by pid and start time)
does. On another machine, it lives if its heartbeat changes while we watch: no clocks are compared.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock

from ivvit.ground.errors import UserError
from ivvit.ground.slurm import job_number

BEAT_SECONDS = 10.0
WATCH_SECONDS = 60.0
"""How long another machine's heartbeat is watched before it is declared dead."""


Pulse = tuple[int, int] | None
"""What changes with each heartbeat; None where there is no lock."""


@contextmanager
def run_lock(path: Path, silent: Pulse = None) -> Iterator[threading.Event]:
    """Hold the lock within this context; gives an event that is set should another process have taken it over.

    Args:
        path: the lock file.
        silent: the pulse with which `unheld` found the lock, so that it need not be watched once more.

    Raises:
        UserError: another process holds it, named by host and pid.
    """
    me = {"host": socket.gethostname(), **_process(os.getpid()), "slurm_job": job_number()}
    me |= {"token": uuid.uuid4().hex, "since": time.time()}
    path.parent.mkdir(parents=True, exist_ok=True)
    _acquire(path, me, silent)
    done, lost = threading.Event(), threading.Event()
    thread = threading.Thread(target=_beat, args=(path, me["token"], done, lost), daemon=True, name="run-lock")
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join(BEAT_SECONDS)  # a hung file server may hold it
        if _holder(path).get("token") == me["token"]:
            path.unlink(missing_ok=True)


def unheld(paths: list[Path]) -> dict[Path, Pulse]:
    """The locks that no living process holds, with their pulses; those of other machines are watched all at once."""
    pulses = {path: _pulse(path) for path in paths}  # before the watch: one that beats at its end is seen to
    here = {path: _lives_here(_holder(path) or (_second_look(path) if pulses[path] else {})) for path in paths}
    beating = _beating([path for path, lives in here.items() if lives is None])
    return {path: pulses[path] for path, lives in here.items() if not lives and path not in beating}


def _acquire(path: Path, me: dict[str, Any], silent: Pulse) -> None:
    for _ in range(10):
        if _create(path, me):
            return
        holder = _holder(path) or _second_look(path)
        if _alive(path, holder, silent):
            raise UserError(_refusal(path, holder))
        _remove_dead(path, holder)
    raise UserError(f"{path} keeps changing hands; end the other processes that train this run")


def _refusal(path: Path, holder: dict[str, Any]) -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(holder.get("since", 0)))
    job = holder.get("slurm_job")
    where, remedy = (f", Slurm job {job}", f"`scancel {job}`") if job else ("", "end that process")
    return (
        f"{path.parent.parent} is being trained by process {holder.get('pid')} on {holder.get('host')}{where} "
        f"(since {since}); wait for it, or {remedy} and start again"
    )


def _create(path: Path, me: dict[str, Any]) -> bool:
    """Make the lock, which fails if there is one (O_EXCL holds on NFS too)."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(me))
    except FileExistsError:
        return False
    return True


def _remove_dead(path: Path, holder: dict[str, Any]) -> None:
    """Take the dead holder's lock away, unless another process was faster: its lock is not touched, not for a moment.

    Only who holds the guard may remove a lock, so what is read here stays true until it is removed. The system lets go
    of the guard when its holder dies; where a file system has no such locks, the window is left open.
    """
    guard = FileLock(path.with_name("lock.guard"))
    with suppress(NotImplementedError):
        guard.acquire()
    try:
        if _holder(path).get("token") == holder.get("token"):
            path.unlink(missing_ok=True)
    finally:
        guard.release()


def _alive(path: Path, holder: dict[str, Any], silent: Pulse) -> bool:
    lives = _lives_here(holder)
    if lives is None and silent is not None and _pulse(path) == silent:
        return False
    return bool(_beating([path])) if lives is None else lives


def _lives_here(holder: dict[str, Any]) -> bool | None:
    """Whether a holder on this machine lives; None where only its heartbeat tells."""
    if holder and holder.get("host") == socket.gethostname() and holder.get("machine") == _machine():
        return _process(holder["pid"]) == {key: holder[key] for key in ("pid", "started", "machine")}
    return None


def _beating(paths: list[Path]) -> set[Path]:
    """The locks whose heartbeat changes while we watch them all."""
    first = {path: _pulse(path) for path in paths}
    waiting, found = {path for path in paths if first[path] is not None}, set()
    end = time.monotonic() + WATCH_SECONDS
    while waiting and time.monotonic() < end:
        time.sleep(min(1.0, WATCH_SECONDS / 20))
        changed = {path: pulse for path in waiting if (pulse := _pulse(path)) != first[path]}
        found |= {path for path, pulse in changed.items() if pulse is not None}
        waiting -= changed.keys()
    return found


def _pulse(path: Path) -> Pulse:
    try:
        with path.open("rb") as file:  # opening makes NFS look at the server's attributes
            status = os.fstat(file.fileno())
        return status.st_ino, status.st_mtime_ns
    except FileNotFoundError:
        return None


def _beat(path: Path, token: str, done: threading.Event, lost: threading.Event) -> None:
    while not done.wait(BEAT_SECONDS):
        holder = _holder(path)
        if holder.get("token") == token:
            with suppress(OSError):
                os.utime(path)
        elif holder:  # this process slept so long that it was taken for dead
            lost.set()


def _holder(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _second_look(path: Path) -> dict[str, Any]:
    """The holder of a lock that was made this moment and not yet filled in."""
    time.sleep(0.5)
    return _holder(path)


def _machine() -> str:
    """This boot of this machine and its space of process numbers."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    return socket.gethostname()


def _process(pid: int) -> dict[str, Any]:
    """A process by its number and start time, so that a later one with the same number is told apart."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        started = "" if fields[0] == "Z" else fields[19]
    except OSError:
        started = ""
        with suppress(OSError):
            os.kill(pid, 0)
            started = "running" if not Path("/proc/self/stat").exists() else ""
    return {"pid": pid, "started": started, "machine": _machine()}
