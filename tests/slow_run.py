"""A run whose images are slow to read, for tests that stop it while it waits for them.

`python slow_run.py DATA FOLDER SLOW SETTINGS`; SLOW: {"train": seconds for each image, "val": likewise}.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil
import torch

from ivvit.ground.ending import leave
from ivvit.runs.loader import STOP_SIGNALS

SECONDS = 120


@dataclass
class SlowPictures:
    """A source of images that takes its time."""

    source: Any
    seconds: float

    def image(self, index: int) -> torch.Tensor:
        time.sleep(self.seconds)
        return self.source.image(index)


def start(
    data: Path, folder: Path, slow: dict[str, float], processes: int = 1, command: Sequence[str] = (), **settings: Any
) -> subprocess.Popen:
    """Train on `shades` in a process group of its own, by torchrun if there are to be several processes.

    `command` starts the command that it is given.
    """
    settings = {"names": ["shades"], "iterations": 10**6, "runtime": {"workers": 1}} | settings
    arguments = [__file__, str(data), str(folder), json.dumps(slow), json.dumps(settings), str(processes)]
    return subprocess.Popen([*command, sys.executable, *arguments], env=os.environ | {"OMP_NUM_THREADS": "1"},
                            stderr=subprocess.PIPE, text=True, start_new_session=True, preexec_fn=_hear)  # fmt: skip


def _hear() -> None:
    """A test under nohup or in a shell's background has inherited deafness, which its runs must not."""
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_DFL)


def until(run: subprocess.Popen, condition: Callable[[], bool]) -> None:
    """Wait for a condition of a run that goes on."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.02)


def loaders(run: subprocess.Popen) -> list[psutil.Process]:
    """The workers that read the images, with what started them (fork servers) and what cleans up after them."""
    family = psutil.Process(run.pid).children(recursive=True)
    return [process for process in family if "multiprocessing" in " ".join(_command(process))]


def rows(folder: Path) -> int:
    """Iterations in the history."""
    file = folder / "history.csv"
    return max(0, file.read_text().count("\n") - 1) if file.exists() else 0


def slowed(opens: Callable[..., Any], seconds: float) -> Callable[..., Any]:
    """Open a split whose images are slow."""

    def opened(*args: Any, **keywords: Any) -> Any:
        split = opens(*args, **keywords)
        samples = replace(split.samples, source=SlowPictures(split.samples.source, seconds))
        return replace(split, samples=samples)

    return opened


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def main() -> int:
    """Train; the exit status is the command line's."""
    data, folder, slow, settings, processes = sys.argv[1:]
    if int(processes) > 1 and "WORLD_SIZE" not in os.environ:
        return _several(int(processes))
    from slow_run import slowed  # not __main__'s, whose classes have another name in a loader's worker
    from training_runs import job

    import ivvit.numerics.training as training
    import ivvit.runs.feed as feed
    from ivvit.ground.errors import UserError
    from ivvit.runs.run import train

    for name, seconds in json.loads(slow).items():
        module, function = {"train": (training, "make_train_data"), "val": (feed, "make_eval_data")}[name]
        setattr(module, function, slowed(getattr(module, function), seconds))
    try:
        train(job(Path(data), Path(folder), **json.loads(settings)))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return getattr(error, "exit_code", 1)
    return 0


def _several(processes: int) -> int:
    """As `ivvit.cli.launch` does it, for this file."""
    from ivvit.cli.launch import torchrun
    from ivvit.config import RuntimeOptions

    return torchrun(RuntimeOptions(gpus=processes), ["--standalone"], [__file__, *sys.argv[1:]])


if __name__ == "__main__":
    leave(main())
