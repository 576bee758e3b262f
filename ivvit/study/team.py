"""The processes of one worker: one, or those that torchrun started; the first of them leads."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivvit.training.distributed import World


def leads() -> bool:
    """Whether this process speaks to the storage."""
    return os.environ.get("RANK", "0") == "0"


def alone() -> bool:
    """Whether this worker is a single process."""
    return os.environ.get("WORLD_SIZE", "1") == "1"


def share(value: Any) -> Any:
    """The leading process's value, on all processes of the worker."""
    return value if alone() else _together(lambda world: world.tell(value))


def gather(value: Any) -> list[Any]:
    """All processes' values, on all processes of the worker."""
    return [value] if alone() else _together(lambda world: world.gather(value))


def _together(action: "Callable[[World], Any]") -> Any:
    """Between trainings, which join and leave the process group themselves."""
    from ivvit.training.distributed import join_world, leave_world

    world = join_world()
    try:
        return action(world)
    finally:
        leave_world(world)
