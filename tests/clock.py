"""A clock that tests put in the place of a module's `time`: `monkeypatch.setattr(module, "time", Clock())`."""

import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class Clock:
    """Sleeping takes no time, and what was arranged for a moment happens as soon as it is slept over."""

    def __init__(self) -> None:
        self.now = 0.0
        self._arranged: list[tuple[float, Callable[[], Any]]] = []

    def at(self, moment: float, action: Callable[[], Any]) -> None:
        """Arrange for something to happen."""
        self._arranged.append((moment, action))

    def monotonic(self) -> float:
        """Seconds slept so far."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.now += seconds
        due = [action for moment, action in self._arranged if moment <= self.now]
        self._arranged = [(moment, action) for moment, action in self._arranged if moment > self.now]
        for action in due:
            action()

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


def touch_later(paths: Iterable[Path]) -> None:
    """Give files a later time than they have, however coarse the file system's clock is."""
    for path in paths:
        later = path.stat().st_mtime_ns + 10**9
        os.utime(path, ns=(later, later))
