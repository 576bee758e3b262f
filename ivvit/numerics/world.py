"""Several processes as one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
import torch.distributed as dist
from torch import Tensor

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment


@dataclass(frozen=True)
class World:
    """This process among `size`; all collectives are no-ops in a world of one."""

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    joined: bool = False
    """Whether this world joined the process group; one that found it joined does not leave it."""

    @property
    def is_main(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.size > 1:
            dist.all_reduce(tensor)
        return tensor

    def broadcast(self, value: Any) -> Any:
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


def check_world(world: World, experiment: "Experiment") -> None:
    """Every process must have at least one sample in every part of every batch, and whole pairs where pairs are mixed.

    Raises:
        UserError: a batch is too small, or of another size.
    """
    for name, use in experiment.datasets.items():
        if use.batch_size // world.size < experiment.accumulate:
            raise UserError(
                f"{name}: a batch of {use.batch_size} cannot be shared by {world.size} processes in "
                f"{experiment.accumulate} parts each; use fewer GPUs or a larger batch_size"
            )
        recipe, parts = experiment.recipe[name], world.size * experiment.accumulate
        if (recipe.mixup or recipe.cutmix) and use.batch_size % (2 * parts):
            raise UserError(
                f"{name}: pairs of samples are mixed, so a batch of {use.batch_size} cannot be shared by {world.size} "
                f"processes in {experiment.accumulate} parts each; make it a multiple of {2 * parts}"
            )
