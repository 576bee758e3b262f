"""Several processes as one: what torchrun started, or a world of one."""

import ctypes
import os
import signal
import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from ivvit.config.experiment import Experiment
from ivvit.errors import UserError

LAUNCHER = "IVVIT_LAUNCHER"
"""The environment variable with the number of the process that is torchrun (see ivvit.cli.launch)."""
_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class World:
    """This process among `size`; all collectives are no-ops in a world of one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    joined: bool = False
    """Whether this world joined the process group; one that found it joined does not leave it."""

    @property
    def leads(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def tell(self, value: Any) -> Any:
        """The leading process's value, on all processes."""
        if self.size == 1:
            return value
        box = [value]
        dist.broadcast_object_list(box, device=torch.device("cpu"))
        return box[0]

    def agree(self, number: int) -> int:
        """The leading process's number, on all processes; cheap enough for every iteration."""
        if self.size == 1:
            return number
        box = torch.tensor([number])
        dist.broadcast(box, 0)
        return int(box.item())

    def gather(self, value: Any) -> list[Any]:
        """All processes' values by rank, on all processes."""
        if self.size == 1:
            return [value]
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values


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
    """Leave the process group, if this world joined it. Joining again afterwards does not work."""
    if world.joined:
        dist.destroy_process_group()


def check_world(world: World, experiment: Experiment) -> None:
    """Every process must have at least one sample in every part of every batch.

    Raises:
        UserError: a batch is too small.
    """
    for name, use in experiment.datasets.items():
        if use.batch_size // world.size < experiment.accumulate:
            raise UserError(
                f"{name}: a batch of {use.batch_size} cannot be shared by {world.size} processes in "
                f"{experiment.accumulate} parts each; use fewer GPUs or a larger batch_size"
            )
