"""The processes of one worker: one, or those that torchrun started, of which rank 0 is the main one."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ivvit.ground.ranks import rank, world_size

if TYPE_CHECKING:
    from ivvit.numerics.world import World


def is_main() -> bool:
    """Whether this process is the one that uses the storage."""
    return rank() == 0


def alone() -> bool:
    """Whether this worker is a single process."""
    return world_size() == 1


@contextmanager
def process_group() -> Iterator[None]:
    """One process group for all trainings of this context: it can be joined only once."""
    if alone():
        yield
        return
    from ivvit.runs.processes import join_world, leave_world

    world = join_world()
    try:
        yield
    finally:
        leave_world(world)


def broadcast(value: Any) -> Any:
    """The main process's value, on all processes of the worker."""
    return value if alone() else _world().broadcast(value)


def _world() -> "World":
    from ivvit.runs.processes import join_world

    return join_world()
