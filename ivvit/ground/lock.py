"""One process per run: a lock file that names its holder and dies with it, on network file systems too.

O_EXCL makes the file, so one process wins. Whether a holder is alive: see ivvit.ground.holder; here, another machine's
heartbeat is watched, so that no clocks are compared.
"""

import os
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from ivvit.ground.errors import Failure
from ivvit.ground.files import explained
from ivvit.ground.holder import Holder, Pulse, moment, pulse_of, read_holder

BEAT_SECONDS = 10.0
"""How often a holder touches its lock."""
WATCH_SECONDS = 60.0
"""How long another machine's heartbeat is watched before its holder is taken for dead."""


@contextmanager
def run_lock(path: Path, silent: Pulse = None) -> Iterator[threading.Event]:
    """Hold the lock within this context; gives an event that is set should another process have taken it over.

    Args:
        path: the lock file.
        silent: the pulse with which `unheld` found the lock, so that it need not be watched once more.

    Raises:
        UserError: another process holds it, named by host and pid; or the lock cannot be written.
    """
    me = Holder.me(uuid.uuid4().hex)
    with explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(path, me, silent)
    done, lost = threading.Event(), threading.Event()
    thread = threading.Thread(target=_beat, args=(path, me.token, done, lost), daemon=True, name="run-lock")
    thread.start()
    try:
        yield lost
    finally:
        done.set()
        thread.join(BEAT_SECONDS)  # a hung file server may hold it
        if _token(path) == me.token:
            path.unlink(missing_ok=True)


def unheld(paths: list[Path]) -> dict[Path, Pulse]:
    """The locks that no living process holds, with their pulses; those of other machines are watched all at once."""
    pulses = {path: pulse_of(path) for path in paths}  # before the watch: one that beats at its end is seen to
    found = {path: read_holder(path) or (_second_look(path) if pulses[path] else None) for path in paths}
    here = {path: holder.runs_here() if holder else None for path, holder in found.items()}
    beating = _beating([path for path, runs in here.items() if runs is None])
    return {path: pulses[path] for path, runs in here.items() if not runs and path not in beating}


def _acquire(path: Path, me: Holder, silent: Pulse) -> None:
    for _ in range(10):
        if _create(path, me):
            return
        holder = read_holder(path) or _second_look(path)
        if _alive(path, holder, silent):
            raise Failure(_refusal(path, holder))
        _remove_dead(path, holder)
    raise Failure(f"{path} keeps changing hands; end the other processes that train this run")


def _refusal(path: Path, holder: Holder | None) -> str:
    folder = path.parent.parent
    if holder is None:
        return f"{folder} has a lock that is changed but names no process ({path}); remove it if nobody trains there"
    job = holder.slurm_job
    where, remedy = (f", Slurm job {job}", f"`scancel {job}`") if job else ("", "end that process")
    return (
        f"{folder} is being trained by process {holder.pid} on {holder.host}{where} (since {moment(holder.since)}); "
        f"wait for it, or {remedy} and start again"
    )


def _create(path: Path, me: Holder) -> bool:
    """Make the lock, which fails if there is one (O_EXCL holds on NFS too)."""
    try:
        file = path.open("x", encoding="utf-8")
    except FileExistsError:
        return False
    try:
        with file:
            file.write(me.as_json())
    except BaseException:  # a full disk: an empty lock would keep others waiting
        path.unlink(missing_ok=True)
        raise
    return True


def _remove_dead(path: Path, holder: Holder | None) -> None:
    """Take the dead holder's lock away, unless another process was faster: its lock is not touched, not for a moment.

    Only who holds the guard may remove a lock, so what is read here stays true until it is removed. The system lets go
    of the guard when its holder dies; where a file system has no such locks, the window is left open.
    """
    guard = FileLock(path.with_name("lock.guard"))
    with suppress(NotImplementedError):
        guard.acquire()
    try:
        if _token(path) == (holder.token if holder else None):
            path.unlink(missing_ok=True)
    finally:
        guard.release()


def _alive(path: Path, holder: Holder | None, silent: Pulse) -> bool:
    runs = holder.runs_here() if holder else None
    if runs is None and silent is not None and pulse_of(path) == silent:
        return False
    return bool(_beating([path])) if runs is None else runs


def _beating(paths: list[Path]) -> set[Path]:
    """The locks whose heartbeat changes while we watch them all."""
    first = {path: pulse_of(path) for path in paths}
    waiting = {path for path in paths if first[path] is not None}
    found: set[Path] = set()
    end = time.monotonic() + WATCH_SECONDS
    while waiting and time.monotonic() < end:
        time.sleep(min(1.0, WATCH_SECONDS / 20))
        changed = {path: pulse for path in waiting if (pulse := pulse_of(path)) != first[path]}
        found |= {path for path, pulse in changed.items() if pulse is not None}
        waiting -= changed.keys()
    return found


def _beat(path: Path, token: str, done: threading.Event, lost: threading.Event) -> None:
    while not done.wait(BEAT_SECONDS):
        found = _token(path)
        if found == token:
            with suppress(OSError):
                os.utime(path)
        elif found is not None:  # this process slept so long that it was taken for dead
            lost.set()


def _token(path: Path) -> str | None:
    found = read_holder(path)
    return found.token if found else None


def _second_look(path: Path) -> Holder | None:
    """The holder of a lock that was made this moment and not yet filled in."""
    time.sleep(0.5)
    return read_holder(path)
