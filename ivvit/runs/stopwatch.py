"""Where the time of a session goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by phase: start (until the first batch), data (waiting for further ones), train, evaluate, save."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("start", "data", "train", "evaluate", "save"), 0.0)
        self.iterations = self.samples = 0
        self._inner = 0.0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time within this context, without that of the phases within it."""
        start, before = time.perf_counter(), self._inner
        self._inner = 0.0
        try:
            yield
        finally:
            elapsed = time.perf_counter() - start
            self.seconds[name] += elapsed - self._inner
            self._inner = before + elapsed

    def speed(self) -> dict[str, float] | None:
        """Speeds of training (data and train) so far, and the seconds of every phase; None before any iteration."""
        if not self.iterations:
            return None
        training = self.seconds["data"] + self.seconds["train"]
        return {
            "iterations": self.iterations,
            "samples": self.samples,
            "samples_per_second": self.samples / training,
            "iterations_per_second": self.iterations / training,
            **{f"{name}_seconds": seconds for name, seconds in self.seconds.items()},
        }
