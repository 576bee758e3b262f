"""When to write history, when to save and when to stop: by the clock, and the same for all processes."""

import threading
import time

from ivvit.ground.errors import Failure
from ivvit.numerics.world import World
from ivvit.runs.stop import StopRequest

FLUSH, SAVE, STOP = 1, 2, 4

_FLUSH_SECONDS = 2.0
_FLUSH_ITERATIONS = 50


class Pace:
    """Consulted after every iteration."""

    def __init__(self, world: World, stop: StopRequest, lost: threading.Event, checkpoint_minutes: float) -> None:
        self.stop = stop
        self._world, self._lost = world, lost
        self._save_seconds = 60 * checkpoint_minutes
        self._saved = self._flushed = time.monotonic()
        self._waiting = 0

    def actions(self) -> int:
        """A sum of FLUSH, SAVE and STOP.

        Raises:
            UserError: another process has taken this run over.
        """
        if self._lost.is_set():
            raise Failure("another process has taken this run over, because this one's heartbeat was lost")
        now = time.monotonic()
        self._waiting += 1
        flush = now - self._flushed > _FLUSH_SECONDS or self._waiting >= _FLUSH_ITERATIONS
        save = now - self._saved > self._save_seconds
        actions = self._world.agree(FLUSH * flush | SAVE * save | STOP * (self.stop.reason() is not None))
        if actions & FLUSH:
            self._flushed, self._waiting = now, 0
        return actions

    def saved(self) -> None:
        """The next checkpoint is due an interval from now."""
        self._saved = time.monotonic()
