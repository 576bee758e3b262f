"""A thread that feeds a tracker which may call the network: training never waits for it."""

import queue
import threading
from collections.abc import Callable
from typing import Any, Protocol

_CLOSE_SECONDS = 20.0
_QUEUE = 10_000


class Sink(Protocol):
    """An open experiment of a tracking service."""

    @property
    def alive(self) -> bool:
        """Whether the service still takes numbers."""

    def log_metrics(self, values: dict[str, float], *, step: int) -> Any:
        """Send the values; may wait for the network."""

    def end(self) -> Any:
        """Send what is still buffered."""


class Live:
    """Accepts numbers at once and sends them when it can.

    Args:
        connect: opens the experiment; called in the thread.
        name: the thread's.
    """

    def __init__(self, connect: Callable[[], Sink], name: str) -> None:
        self._queue: queue.Queue[tuple[dict[str, float], int] | None] = queue.Queue(_QUEUE)
        self._connect = connect
        self._failed = False
        self._done = threading.Event()
        threading.Thread(target=self._send, daemon=True, name=name).start()

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        """Queue the values; returns at once."""
        try:
            self._queue.put_nowait((values, step))
        except queue.Full:
            self._failed = True

    def close(self) -> bool:
        """Wait briefly for the queue to drain; returns whether everything was sent."""
        try:
            self._queue.put_nowait(None)
        except queue.Full:
            self._failed = True
        return self._done.wait(0 if self._failed else _CLOSE_SECONDS) and not self._failed

    def _send(self) -> None:
        try:
            sink = self._connect()
            while sink.alive and (item := self._queue.get()) is not None:
                sink.log_metrics(item[0], step=item[1])
            self._failed |= not sink.alive
            sink.end()
        except Exception:  # whatever the service's library raises: the numbers are in history.csv
            self._failed = True
        finally:
            self._done.set()
