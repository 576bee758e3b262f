"""Which process of several this is, as torchrun says in the environment; a process on its own is rank 0 of 1."""

import os
from collections.abc import Mapping

LAUNCHER = "IVVIT_LAUNCHER"
"""The environment variable with the number of the process that is torchrun (see ivvit.cli.launch)."""


def rank() -> int:
    """This process's number among all of the run."""
    return _number("RANK", 0)


def world_size() -> int:
    """How many processes the run has, on all nodes."""
    return _number("WORLD_SIZE", 1)


def local_rank() -> int:
    """This process's number on its node."""
    return _number("LOCAL_RANK", 0)


def local_world_size() -> int:
    """How many processes of the run are on this node."""
    return _number("LOCAL_WORLD_SIZE", 1)


def node_rank() -> int:
    """This node's number among those of the run."""
    return _number("GROUP_RANK", 0)


def launched(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher (torchrun, or whatever else sets the same variables) started this process as one of a run."""
    return "WORLD_SIZE" in environment or by_torchrun(environment)


def by_torchrun(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether torchrun itself is this process's parent."""
    return "TORCHELASTIC_RUN_ID" in environment


def _number(name: str, default: int) -> int:
    return int(os.environ.get(name, default))
