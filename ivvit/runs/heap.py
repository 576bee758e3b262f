"""Keeps a loader's worker from growing: the C library's heap keeps what is freed out of turn."""

import ctypes
from itertools import count
from typing import Any

import torch
from torch.utils.data import get_worker_info

EVERY = 16
"""Batches between two trims; one costs about a millisecond, and its pages are touched anew."""

_batches = count(1)


def trim_heap() -> None:
    """Now and then give the free pages of the heap back to the system (glibc; elsewhere nothing happens).

    Clips differ in size, and a queue's thread frees beside the worker's own: without this a worker grew by 100 MB per
    thousand clips.
    """
    if next(_batches) % EVERY == 0:
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def allocate(*size: Any, **options: Any) -> torch.Tensor:
    """torch.empty, in a loader's worker in shared memory.

    Left to the queue's thread, the move to shared memory would free this memory out of turn: the heap then grows by
    hundreds of megabytes.
    """
    tensor = torch.empty(*size, **options)
    if get_worker_info() is not None:
        tensor.share_memory_()
        trim_heap()
    return tensor
