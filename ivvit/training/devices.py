"""Where a process computes: a GPU of its own, leased by a file lock that ends with the process, or the CPU."""

import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from filelock import FileLock, Timeout

from ivvit.config.runtime import RuntimeOptions

log = logging.getLogger("ivvit.training")

_POLL_SECONDS = 2.0
_REMIND_SECONDS = 60.0


@contextmanager
def lease_device(runtime: RuntimeOptions, speak: bool = True) -> Iterator[torch.device]:
    """A device for this process alone; waits while all GPUs are leased by others.

    Every process takes one GPU: torchrun's processes on a node take one each.
    """
    if runtime.gpus == 0 or not torch.cuda.is_available():
        torch.set_num_threads(runtime.threads)
        if speak:
            reason = "runtime.gpus is 0" if runtime.gpus == 0 else "no GPU found"
            log.info("%s: training on the CPU with %d threads", reason, runtime.threads)
        yield torch.device("cpu")
        return
    index, lock = first_free(_uuids())
    try:
        torch.cuda.set_device(index)
        log.info("training on GPU %d (%s)", index, torch.cuda.get_device_name(index))
        yield torch.device("cuda", index)
    finally:
        lock.release()


def first_free(names: list[str]) -> tuple[int, FileLock]:
    """Lease the first of the named devices that nobody on this machine has; wait if there is none."""
    reminded = -_REMIND_SECONDS
    while True:
        for index, name in enumerate(names):
            lock = FileLock(lease_folder() / f"{name}.lock", mode=0o666)
            try:
                lock.acquire(blocking=False)
                return index, lock
            except Timeout:
                continue
        if time.monotonic() - reminded > _REMIND_SECONDS:
            reminded = time.monotonic()
            log.info("all %d GPUs are leased by other training jobs; waiting for one", len(names))
        time.sleep(_POLL_SECONDS)


def lease_folder() -> Path:
    """The machine's folder of leases, shared by its users."""
    folder = Path(tempfile.gettempdir()) / "ivvit-gpu-leases"
    if not folder.is_dir():
        folder.mkdir(exist_ok=True)
        os.chmod(folder, 0o1777)
    return folder


def _uuids() -> list[str]:
    """The visible GPUs by the names that they have in every process, whatever CUDA_VISIBLE_DEVICES says there."""
    return [str(torch.cuda.get_device_properties(i).uuid) for i in range(torch.cuda.device_count())]
