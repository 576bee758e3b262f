"""Joining the processes that torchrun started, and leaving them."""

import ctypes
import os
import signal
import sys
from datetime import timedelta

import torch
import torch.distributed as dist

from ivvit.ground.ranks import LAUNCHER, by_torchrun, local_rank, world_size
from ivvit.numerics.world import World

_PR_SET_PDEATHSIG = 1


def join_world() -> World:
    """Join the processes that torchrun started, if it did and this process has not joined them already."""
    size = world_size()
    if size == 1:
        return World()
    join = not dist.is_initialized()
    if join:
        _end_with_launcher()
        backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
        dist.init_process_group(backend, timeout=timedelta(minutes=30))
    return World(dist.get_rank(), size, local_rank(), join)


def _end_with_launcher() -> None:
    """Turn a kill of torchrun, which cannot pass it on, into a request to stop: otherwise this process would train on
    alone, holding the run's lock and a GPU."""
    if sys.platform != "linux" or not by_torchrun():
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
