"""This machine and its processes, told apart from others of the same name or number."""

import os
import socket
from contextlib import suppress
from pathlib import Path


def machine() -> str:
    """This boot of this machine and its space of process numbers (containers have their own)."""
    with suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip() + os.readlink("/proc/self/ns/pid")
    return socket.gethostname()


def start_time(pid: int) -> str:
    """When a process of this machine started, in ticks since the boot; empty if no such process runs (or no more).

    Where there is no /proc (macOS), `running` for any process with this number.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return "" if fields[0] in ("Z", "X") else fields[19]  # a zombie has ended and waits for its parent
    except (OSError, IndexError):
        return _running_without_proc(pid)


def _running_without_proc(pid: int) -> str:
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except PermissionError:  # another user's
        return "running"
    except OSError:
        return ""
    return "running"
