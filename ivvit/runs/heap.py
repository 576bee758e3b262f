"""Keeps a loader's worker from growing: the C library's heap does not return memory that is freed out of order."""

import ctypes
from itertools import count
from typing import Any

import torch
from torch.utils.data import get_worker_info

EVERY = 16
"""Batches between two trims; one costs about a millisecond, plus new page faults."""

_batches = count(1)


def trim_heap() -> None:
    """Every few batches, return the heap's free pages to the system (glibc only; elsewhere a no-op).

    Clips differ in size, and a queue's thread frees memory alongside the worker's own: without this a worker grew by
    100 MB per thousand clips.
    """
    if next(_batches) % EVERY == 0:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def allocate(*size: Any, **options: Any) -> torch.Tensor:
    """torch.empty; in a loader's worker, in shared memory.

    Left to the queue's thread, the move to shared memory would free this memory out of order: the heap then grows
    by hundreds of megabytes.
    """
    tensor = torch.empty(*size, **options)
    if get_worker_info() is not None:
        tensor.share_memory_()
        trim_heap()
    return tensor
