"""Where the time of a session goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by phase: start (until the first batch), data (waiting for further ones), train, evaluate, save."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("start", "data", "train", "evaluate", "save"), 0.0)
        self.iterations = self.samples = 0

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time within this context."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] += time.perf_counter() - start

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
