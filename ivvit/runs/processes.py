"""Joining the processes that torchrun started, and leaving them."""

import ctypes
import os
import signal
import sys
from datetime import timedelta

import torch
import torch.distributed as dist

from ivvit.numerics.world import World

LAUNCHER = "IVVIT_LAUNCHER"
"""The environment variable with the number of the process that is torchrun (see ivvit.cli.launch)."""
_PR_SET_PDEATHSIG = 1


def join_world() -> World:
    """Join the processes that torchrun started, if it did and this process has not joined them already."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        return World()
    join = not dist.is_initialized()
    if join:
        _end_with_launcher()
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=timedelta(minutes=30))
    return World(dist.get_rank(), size, int(os.environ.get("LOCAL_RANK", "0")), join)


def _end_with_launcher() -> None:
    """Let a kill of torchrun, which cannot pass that on, be a request to stop: else this process would train on, alone,
    with the run's lock and a GPU."""
    if sys.platform != "linux" or "TORCHELASTIC_RUN_ID" not in os.environ:
        return
    launcher = int(os.environ.get(LAUNCHER, os.getppid()))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != launcher:  # killed before
        os.kill(os.getpid(), signal.SIGTERM)


def leave_world(world: World) -> None:
    """Leave the process group, if this world joined it. Joining again afterwards does not work.

    gloo's threads may outlive it, so such a process must end by `ivvit.ground.ending.leave`.
    """
    if world.joined:
        dist.destroy_process_group()
