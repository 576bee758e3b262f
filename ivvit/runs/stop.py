"""When to stop: a signal, Ctrl-C or the job's time limit. Changes no number, only when training pauses."""

import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import Any

from ivvit.ground.slurm import job_number
from ivvit.runs.loader import STOP_SIGNALS


class StopRequest:
    """Why training should save and stop, if it should."""

    def __init__(self, minutes_before: float) -> None:
        self._limit = job_end()
        self._margin = 60 * minutes_before
        self._signal: str | None = None

    def reason(self) -> str | None:
        """The signal or the time limit that asks for a stop; None to continue."""
        if self._signal:
            return self._signal
        if self._limit is not None and time.time() > self._limit - self._margin:
            return f"the job's time limit is {max(0, self._limit - time.time()) / 60:.1f} minutes away"
        return None

    def receive(self, number: int, frame: FrameType | None) -> None:
        """A signal handler; a second Ctrl-C ends the process at once."""
        self._signal = f"received {signal.Signals(number).name}"
        if number == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def watch_for_stop(minutes_before: float) -> Iterator[StopRequest]:
    """Listen for signals within this context (in the main thread; elsewhere only the time limit counts)."""
    request = StopRequest(minutes_before)
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    numbers = set(STOP_SIGNALS)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup
        numbers.remove(signal.SIGHUP)
    before: dict[int, Any] = {number: signal.signal(number, request.receive) for number in numbers}
    try:
        yield request
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def job_end() -> float | None:
    """When the Slurm job ends, in seconds since the epoch; None outside Slurm or if unknown."""
    if end := os.environ.get("SLURM_JOB_END_TIME"):
        return float(end)
    job = job_number()
    if job is None:
        return None
    try:
        answer = subprocess.run(
            ["squeue", "-h", "-j", job, "-o", "%e"], capture_output=True, text=True, timeout=60, check=True
        )
        return datetime.fromisoformat(answer.stdout.strip()).timestamp()
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
