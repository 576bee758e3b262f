"""A training run as a computation: the model, the batches that it asks for, and its iterations one after the other.

The entry of all that can change a trained number. Who runs it fetches the batches, saves, evaluates and stops.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ivvit.numerics.batch import Batch
from ivvit.numerics.holdout import divide
from ivvit.numerics.initial import image_size, initial_model
from ivvit.numerics.samples import Samples
from ivvit.numerics.task_schedule import TaskSchedule
from ivvit.numerics.train_data import TrainData, make_train_data
from ivvit.numerics.trainer import Iteration, Trainer
from ivvit.numerics.world import World

if TYPE_CHECKING:
    from ivvit.config.experiment import Experiment


class Training:
    """A run of an experiment with one seed, at iteration 0 until a state is loaded into its trainer.

    Args:
        experiment: the resolved specification.
        seed: of the initial weights that are not loaded, and of all batches.
        samples: all training samples of each data set.
        weights: initial weights under timm's names; None where there are none, or a state will be loaded.
        device: where to compute.
        world: the processes that compute together.
        compiled: compile the backbone's blocks.
        checkpointing: compute the blocks again in the backward pass, for less memory and the same numbers.
        val: the validation samples of those data sets that have such a split.

    Raises:
        UserError: nothing can be held out as it is asked for (see ivvit.numerics.holdout).
    """

    def __init__(
        self, experiment: "Experiment", seed: int, samples: dict[str, Samples], weights: dict[str, Tensor] | None,
        device: torch.device, world: World, compiled: bool = False, checkpointing: bool = False,
        val: dict[str, Samples] | None = None,
    ) -> None:  # fmt: skip
        samples, self.val = divide(experiment, samples, val or {})
        model = initial_model(experiment, {name: s.num_classes for name, s in samples.items()}, seed, weights)
        model.backbone.grad_checkpointing = checkpointing
        self.img_size = image_size(model)
        size = {"img_size": self.img_size, "num_frames": experiment.num_frames, "seed": seed}
        self.data: dict[str, TrainData] = {
            name: make_train_data(samples[name], options, **size, recipe=experiment.recipe[name], pixels=model.pixels)
            for name, options in experiment.data.items()
        }
        self.schedule = TaskSchedule(experiment, seed, {name: len(s) for name, s in samples.items()})
        self.total = experiment.iterations
        self.trainer = Trainer(model, experiment, seed, device, world, compiled)

    def steps(self, iteration: int) -> dict[str, range]:
        """The batches that each data set has yet to give, by its own count, before iteration `iteration` is done."""
        first, last = self.schedule.steps_before(iteration), self.schedule.steps_before(self.total)
        return {name: range(first[name], last[name]) for name in first}

    def iterations(self, start: int, batches: Iterator[dict[str, Batch]]) -> Iterator[Iteration]:
        """Iterations `start`, `start` + 1, ... to the last, each after it is done.

        Raises:
            RuntimeError: a batch is not the one that this iteration trains on.
        """
        for number in range(start, self.total):
            batch = next(batches)
            self._check(number, batch)
            yield self.trainer.run(number, batch)

    def _check(self, number: int, batches: dict[str, Batch]) -> None:
        """Whoever fetches batches cannot change a number: others than these are refused."""
        before = self.schedule.steps_before(number)
        wanted = [(name, before[name]) for name in self.schedule.at(number)]
        found = [(name, batch.step) for name, batch in batches.items()]
        if found != wanted:
            raise RuntimeError(f"iteration {number} trains on the batches {wanted}, not on {found}")
