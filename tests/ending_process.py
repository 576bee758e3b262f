"""A process with one thread that hangs, which ends with status 7: `python ending_process.py KIND FIFO FOLDER`.

Nobody writes to FIFO: a thread that reads it hangs as it would on a dead file server, and no timeout ends that.
"""

import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

STATUS = 7


def hang(fifo: Path) -> None:
    """Open a file that never opens."""
    fifo.read_bytes()


def _started(name: str) -> bool:
    return any(thread.name.startswith(name) for thread in threading.enumerate())


def _wait(there: Callable[[], bool]) -> None:
    """Wait until it is there, and give it the time to hang."""
    while not there():
        time.sleep(0.01)
    time.sleep(0.2)


def batches(fifo: Path, folder: Path) -> None:
    """The thread that fetches batches reads a file that hangs."""
    _prefetch(lambda: hang(fifo))


def batches_in_torch(fifo: Path, folder: Path) -> None:
    """The thread that fetches batches is inside torch, again and again."""
    import torch

    matrix = torch.ones(300, 300)

    def compute() -> None:
        while True:
            matrix @ matrix

    _prefetch(compute)


def _prefetch(work: Callable[[], None], hangs: Callable[[], bool] = lambda: _started("batches")) -> None:
    import torch

    from ivvit.runs import prefetch

    def items() -> Iterator[Any]:
        work()
        yield

    prefetch._PATIENCE_SECONDS = 0.1
    fetching = prefetch.Prefetcher(items(), torch.device("cpu"))
    _wait(hangs)
    fetching.close()


def loader(fifo: Path, folder: Path) -> None:
    """A loader's worker hangs, and the thread that waits for it."""
    from ending_process import Hanging

    from ivvit.runs.loader import load_items

    _prefetch(lambda: next(load_items(Hanging(fifo), range(3), 1)), (folder / "worker").exists)


class Hanging:
    """A data set whose samples cannot be read."""

    def __init__(self, fifo: Path) -> None:
        self._fifo = fifo

    def __getitem__(self, index: int) -> None:
        self._fifo.with_name("worker").write_text(Path("/proc/self/stat").read_text().split()[0])
        hang(self._fifo)


def heartbeat(fifo: Path, folder: Path) -> None:
    """The lock's heartbeat hangs, the rest of its folder does not."""
    from ivvit.ground import lock

    lock.BEAT_SECONDS = 0.1
    path = folder / "lock"
    with lock.run_lock(path):
        content = path.read_text()
        path.unlink()
        fifo.rename(path)
        time.sleep(0.5)  # the heartbeat opens it now
        path.rename(fifo)
        path.write_text(content)
    assert not path.exists()


def saver(fifo: Path, folder: Path) -> None:
    """A checkpoint cannot be written to its end."""
    from ivvit.runs import saver

    saver.save_checkpoint = lambda *_: hang(fifo)
    saver.Saver(folder, "run").start(1, {})
    _wait(lambda: _started("checkpoint"))


def comet(fifo: Path, folder: Path) -> None:
    """Comet's client hangs where it connects."""
    from ivvit.tracking import comet, live

    module: Any = ModuleType("comet_ml")
    module.Experiment = lambda **options: hang(fifo)
    module.get_config = lambda name: None
    sys.modules["comet_ml"] = module
    os.environ["COMET_API_KEY"] = "key"
    logging.disable()  # it says where the numbers are
    live._CLOSE_SECONDS = 0.1
    comet._archive = lambda *_: None  # of a run with a history
    experiment = SimpleNamespace(model_dump=lambda mode: {})
    with comet.track_with_comet(SimpleNamespace(name="run", folder=folder, experiment=experiment)) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
        _wait(lambda: _started("comet"))


def wandb(fifo: Path, folder: Path) -> None:
    """The client of Weights & Biases hangs where it connects."""
    from ivvit.tracking import live, wandb

    live._CLOSE_SECONDS = 0.1
    logging.disable()  # it says where the numbers are
    wandb.find_spec = lambda name: True
    wandb._begin = lambda *_: hang(fifo)
    with wandb.track_with_wandb(SimpleNamespace(name="run", folder=folder)) as tracker:
        tracker.log_metrics({"loss": 1.0}, step=1)
        _wait(lambda: _started("wandb"))


KINDS = {kind.__name__: kind for kind in (batches, batches_in_torch, loader, heartbeat, saver, comet, wandb)}


def main() -> None:
    """Be such a process."""
    import atexit

    from ivvit.ground.ending import leave

    kind, fifo, folder = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    atexit.register((folder / "handled").touch)
    print("written", end="")  # and not flushed
    KINDS[kind](fifo, folder)
    assert threading.active_count() > 1, "nothing hangs here"
    leave(STATUS)


if __name__ == "__main__":
    main()
