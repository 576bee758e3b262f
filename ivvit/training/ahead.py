"""Batches made ready while the device works on those before: fetched by a thread, copied on a stream of its own."""

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from typing import TypeVar

import torch

from ivvit.data.batch import Batch

DEPTH = 2
"""Items fetched ahead, beside those that the loaders' workers hold."""

Item = TypeVar("Item", Batch, dict[str, Batch])


def fetch_ahead(items: Iterator[Item], device: torch.device) -> Iterator[Item]:
    """The same items, in the same order, on the device. An error of `items` is raised where its item would come.

    Close it (or use it up): its thread ends with it.
    """
    courier = _Courier(device)
    pool = ThreadPoolExecutor(1, "batches", courier.prepare)
    try:
        waiting: deque[Future] = deque(pool.submit(courier.fetch, items) for _ in range(DEPTH))
        while (fetched := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(courier.fetch, items))
            yield courier.hand_over(*fetched)
    finally:
        pool.shutdown(cancel_futures=True)


class _Courier:
    """Copies to a GPU beside its computations, and lets these wait for the copies that they need only."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None

    def prepare(self) -> None:
        """In the thread, once: without this its GPU, and that of the loaders it starts, would be the first one."""
        if self._stream is not None:
            torch.cuda.set_device(self._device)

    def fetch(self, items: Iterator[Item]) -> tuple[Item, "torch.cuda.Event | None"] | None:
        """In the thread: the next item, on its way to the device; None after the last one."""
        item = next(items, None)
        if item is None:
            return None
        with torch.cuda.stream(self._stream) if self._stream else nullcontext():
            moved = _each(item, lambda batch: batch.to(self._device))
        return moved, self._stream.record_event() if self._stream else None

    def hand_over(self, item: Item, arrived: "torch.cuda.Event | None") -> Item:
        """In the thread that trains: the item, for work that is queued from now on."""
        if arrived is not None:
            current = torch.cuda.current_stream(self._device)
            current.wait_event(arrived)
            _each(item, lambda batch: batch.record_stream(current))  # its memory is not given away while in use
        return item


def _each(item: Item, function: Callable[[Batch], Batch]) -> Item:
    return {name: function(batch) for name, batch in item.items()} if isinstance(item, dict) else function(item)
