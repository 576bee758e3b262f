"""Prepares batches while the device works on earlier ones: a thread fetches them, a stream of its own copies them."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from queue import Empty, SimpleQueue
from threading import Thread
from typing import Any, TypeVar

import torch

from ivvit.numerics.batch import Batch

DEPTH = 2
"""Items to prefetch, besides those that the loaders' workers hold."""
_POLL_SECONDS = 1.0
_PATIENCE_SECONDS = 10.0
"""How long to wait for a fetch that is no longer wanted: half a batch of long videos takes a while."""

Item = TypeVar("Item", Batch, dict[str, Batch])


class Prefetcher(Iterator[Item]):
    """The same items, in the same order, on the device. An error of `items` is raised in place of its item.

    Close it (or exhaust it): its thread then ends, unless it hangs; a hanging thread is abandoned and does not keep
    the process from ending, as a pool's thread would.

    Args:
        items: what to fetch.
        device: where the items are wanted.
        poll: called every second while waiting for an item; what it raises leaves the prefetcher usable.
    """

    def __init__(self, items: Iterator[Item], device: torch.device, poll: Callable[[], None] = lambda: None) -> None:
        self._items: Iterator[Item] = items
        self._poll = poll
        self._courier = _Courier(device)
        self._orders: SimpleQueue[bool] = SimpleQueue()
        self._fetched: SimpleQueue[Any] = SimpleQueue()
        self._closed = False
        for _ in range(DEPTH):
            self._orders.put(True)
        self._thread = Thread(target=self._work, name="batches", daemon=True)
        self._thread.start()

    def __next__(self) -> Item:
        if self._closed:
            raise StopIteration
        fetched = self._wait()
        if fetched is None or isinstance(fetched, BaseException):
            self.close()
            raise fetched or StopIteration
        self._orders.put(True)
        return self._courier.hand_over(*fetched)

    def close(self) -> None:
        """Fetch no more."""
        self._closed = True
        self._orders.put(False)
        self._thread.join(_PATIENCE_SECONDS)

    def _wait(self) -> Any:
        while True:
            try:
                return self._fetched.get(timeout=_POLL_SECONDS)
            except Empty:
                self._poll()

    def _work(self) -> None:
        self._courier.prepare()
        while self._orders.get() and not self._closed:
            try:
                fetched: object = self._courier.fetch(self._items)
            except BaseException as error:
                fetched = error
            self._fetched.put(fetched)


class _Courier:
    """Copies to a GPU while it computes; computations wait only for the copies that they need."""

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
    if isinstance(item, dict):
        # mypy looks at a subclass of both dict and Batch here, which there is not
        return {name: function(batch) for name, batch in item.items()}  # type: ignore[return-value]
    return function(item)
