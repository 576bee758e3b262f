"""Loaders: worker processes prepare batches in order, the same ones for any number of workers."""

import atexit
import logging
import os
import signal
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import active_children, forkserver, get_context, parent_process, resource_tracker
from multiprocessing.context import ForkServerContext
from threading import Thread
from typing import TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

from ivvit.evaluation.views import EvalData
from ivvit.ground.errors import Failure, UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.train_data import TrainData, rows_of
from ivvit.runs.heap import allocate

log = logging.getLogger("ivvit")

Item = TypeVar("Item")

_SHARED, _AMPLE = "/dev/shm", 1 << 30  # where workers put batches; Docker's default is 64 MiB

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP)
"""What asks a run to save and stop (see ivvit.runs.stop)."""


@dataclass(frozen=True)
class _TrainSteps(Dataset["Batch | UserError"]):
    data: TrainData
    batch_size: int
    rows: slice

    def __getitem__(self, step: int) -> "Batch | UserError":
        try:
            return self.data.batch(step, self.batch_size, self.rows, allocate)
        except UserError as error:  # raised in a worker, its message would include that worker's traceback
            return error


@dataclass(frozen=True)
class _EvalBatches(Dataset[Batch]):
    data: EvalData

    def __getitem__(self, indices: list[int]) -> Batch:
        return self.data.batch(indices, allocate)


def train_loader(
    data: TrainData,
    *,
    batch_size: int,
    first_step: int,
    last_step: int,
    workers: int = 0,
    rank: int = 0,
    world: int = 1,
    pin: bool = False,
) -> Iterator[Batch]:
    """The batches of steps first_step ... last_step - 1, of which each rank takes its rows.

    Neither the number of workers nor of ranks changes a pixel: all randomness comes from (seed, data set, step).
    A file that cannot be read is logged with its substitute, which the batch's records name as well.
    """
    rows = rows_of(rank, world, batch_size)
    batches = load_items(_TrainSteps(data, batch_size, rows), range(first_step, last_step), workers, pin)
    return _reported(data.samples.dataset, batches)


def eval_loader(
    data: EvalData, *, batch_size: int, workers: int = 0, rank: int = 0, world: int = 1, pin: bool = False,
    indices: Sequence[int] | None = None,
) -> Iterator[Batch]:  # fmt: skip
    """Every sample (of those at `indices`) exactly once across the ranks, in order; the last batch may be smaller.

    Files that cannot be read are logged and left out (see `Batch.unreadable`); a batch may end up without rows.
    """
    mine = (range(len(data.samples)) if indices is None else indices)[rank::world]
    batches = [list(mine[i : i + batch_size]) for i in range(0, len(mine), batch_size)]
    return _reported(data.samples.dataset, load_items(_EvalBatches(data), batches, workers, pin))


def load_items(
    dataset: Dataset[Item], sampler: range | list[list[int]], workers: int = 0, pin: bool = False
) -> Generator[Item, None, None]:
    """The items that the sampler names, in its order, made ahead by worker processes (by this one, if 0).

    Raises:
        UserError: a worker died, and this machine has so little shared memory that this must be why.
    """
    context = _server() if workers else None
    loader = DataLoader(
        dataset,
        batch_size=None,
        sampler=sampler,
        num_workers=workers,
        pin_memory=pin,
        multiprocessing_context=context,
        prefetch_factor=2 if workers else None,
        worker_init_fn=_end_with_parent,
        generator=torch.Generator(),  # the default one belongs to the training thread
    )
    with block_stop_signals():
        batches = iter(loader)
    return _explained(batches)


@contextmanager
def server_starts() -> Iterator[None]:
    """Start the process that workers are forked from; by the end of this context it has imported all they need."""
    context = _server()
    with block_stop_signals():
        forkserver.ensure_running()
    yield
    first = context.Process(target=_do_nothing, daemon=True)
    first.start()  # returns after the imports
    first.join()


def _server() -> ForkServerContext:
    """Workers come from a fork server: forking this process would copy its threads' locks and its CUDA context."""
    context = get_context("forkserver")
    context.set_forkserver_preload(["ivvit.runs.loader", "pyarrow", "av"])  # once, instead of in each; if it is there
    return context


def _do_nothing() -> None:
    """The work of a first worker, which shows that workers can start."""


def _explained(items: Iterator[Item]) -> Generator[Item, None, None]:
    """The same items; explains an error of torch that does not say which memory ran out.

    Raises:
        UserError: a worker died, and this machine has so little shared memory that this must be the reason.
    """
    try:
        yield from items
    except RuntimeError as error:
        size = _shared_memory()
        if size >= _AMPLE or not any(words in str(error) for words in ("worker (pid", "shared memory")):
            raise
        raise Failure(
            f"a worker that loads data has died ({str(error).splitlines()[0]}): {_SHARED} has only {size >> 20} MiB. "
            "Make it larger (`docker run --shm-size=8g`), or set `runtime.workers` to 0"
        ) from error


def _shared_memory() -> int:
    try:
        found = os.statvfs(_SHARED)
    except OSError:
        return _AMPLE
    return found.f_blocks * found.f_frsize


@contextmanager
def block_stop_signals() -> Iterator[None]:
    """Processes started in this context never receive the signals that ask to stop: these are sent to whole process
    groups, and the training process still needs its batches. Blocked rather than ignored: a blocked signal is inherited
    from a process's first moment on, also from the fork server by its workers."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        resource_tracker.ensure_running()  # else the fork server starts it, and that unblocks signals
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@atexit.register  # before multiprocessing's handler, which waits for ever for a hung worker: SIGTERM is blocked
def kill_loaders() -> None:
    """Kill the workers of all loaders of this process."""
    for child in active_children():
        if child.daemon:
            child.kill()


def _end_with_parent(worker: int) -> None:
    """End this worker when the process that reads from it is killed.

    torch watches the parent process, but that is the fork server, which lives as long as its workers.
    """
    parent = parent_process()
    assert parent is not None, "a worker has a parent"

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, daemon=True).start()


def _reported(name: str, batches: Iterator[Batch | UserError]) -> Iterator[Batch]:
    """The same batches; unreadable files are logged here, in the process that has the log."""
    for batch in batches:
        if isinstance(batch, UserError):
            raise batch
        for record in batch.records:
            if record.substitute_for:
                log.warning("%s: %s cannot be read (%s); %s stands in for it",
                            name, record.substitute_for, record.reason, record.path)  # fmt: skip
        for record in batch.unreadable:
            log.warning("%s: %s cannot be read (%s); evaluated without it", name, record.path, record.reason)
        yield batch
