"""Progress of a training: a bar on a terminal, plain lines every half minute elsewhere."""

import logging
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

log = logging.getLogger("ivvit")

_LINE_SECONDS = 30.0


class Reporter:
    """Reports how far a run is; `losses` is {data set: {"loss", ...}} of the latest iteration of each."""

    def __init__(self, name: str, start: int, total: int) -> None:
        self._name, self._total = name, total
        self._first = self._last = (time.monotonic(), start)
        self._samples = 0

    def update(self, iteration: int, samples: int, losses: dict[str, dict[str, float]], memory: float) -> None:
        """After some iterations; `samples` were trained on since the last update; memory in GiB."""
        self._samples += samples
        now = time.monotonic()
        if now - self._last[0] >= _LINE_SECONDS or iteration == self._total:
            log.info("%s", self._line(iteration, losses, memory))
            self._last, self._samples = (now, iteration), 0

    def _line(self, iteration: int, losses: dict[str, dict[str, float]], memory: float) -> str:
        now = time.monotonic()
        speed = self._samples / max(now - self._last[0], 1e-9)
        done = max(iteration - self._first[1], 1)
        left = (now - self._first[0]) / done * (self._total - iteration)
        return (f"{self._name}: {iteration}/{self._total}  {_losses(losses)}  {speed:.1f} samples/s  "
                f"{_clock(left)} left  {memory:.1f} GiB")  # fmt: skip


class _Bar(Reporter):
    def __init__(self, name: str, start: int, total: int, progress: Progress) -> None:
        super().__init__(name, start, total)
        self._progress = progress
        self._task = progress.add_task(name, total=total, completed=start, text="")

    def update(self, iteration: int, samples: int, losses: dict[str, dict[str, float]], memory: float) -> None:
        now = time.monotonic()
        speed = samples / max(now - self._last[0], 1e-9)
        self._last = (now, iteration)
        text = f"{_losses(losses)}  {speed:.1f} samples/s  {memory:.1f} GiB"
        self._progress.update(self._task, completed=iteration, text=text)


@contextmanager
def report_progress(name: str, start: int, total: int, enabled: bool = True) -> Iterator[Reporter | None]:
    """A bar if standard error is a terminal, else a line every half minute; None for a silent process."""
    if not enabled:
        yield None
        return
    if not sys.stderr.isatty():
        yield Reporter(name, start, total)
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[text]}"))  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield _Bar(name, start, total, progress)


def device_memory(device: torch.device) -> float:
    """The largest memory in use so far on the GPU, or of this process, in GiB."""
    if device.type == "cuda":
        return torch.cuda.max_memory_reserved(device) / 2**30
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def _losses(losses: dict[str, dict[str, float]]) -> str:
    return "  ".join(f"{name} {values['loss']:.3f}" for name, values in losses.items())


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
