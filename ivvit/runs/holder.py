"""One job at a time in a folder, however many processes it has."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event

from ivvit.ground.errors import Failure, UserError
from ivvit.ground.lock import run_lock
from ivvit.numerics.world import World


@contextmanager
def one_holder(lock: Path, world: World) -> Iterator[Event]:
    """The job's lock, held by the main process for all; all are refused if it is."""
    with ExitStack() as stack:
        held, refusal = Event(), None
        try:
            held = stack.enter_context(run_lock(lock)) if world.is_main else held
        except UserError as error:
            refusal = str(error)
        if (refusal := world.broadcast(refusal)) is not None:
            raise Failure(refusal)
        yield held
