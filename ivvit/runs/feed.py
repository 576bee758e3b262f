"""The data of a run: batches by iteration, and the loaders of validation."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from ivvit.evaluation.views import EvalData, make_eval_data
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.training import Training
from ivvit.numerics.world import World
from ivvit.runs.job import TrainJob
from ivvit.runs.loader import eval_loader, train_loader
from ivvit.runs.prefetch import Prefetcher


class Feed:
    """Opens each data set once; loaders start where they are asked to. `poll`: called while a batch is waited for."""

    def __init__(
        self, job: TrainJob, training: Training, world: World, device: torch.device,
        poll: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._job, self._training, self._world, self._device, self._poll = job, training, world, device, poll
        experiment, looks = job.experiment, job.experiment.validation
        self.val: dict[str, EvalData] = {
            name: make_eval_data(
                samples, experiment.data[name], img_size=training.img_size, num_frames=experiment.num_frames,
                clips=looks.clips, crops=looks.crops, interpolation=training.trainer.model.pixels.interpolation,
            )
            for name, samples in training.val.items()
        } if job.validates else {}  # fmt: skip
        if job.validates and (lacking := [name for name in experiment.data if name not in self.val]):
            raise UserError(
                f"{job.name}: there is no val of {', '.join(lacking)} to select by; set validation.holdout: 0.1 (for "
                f"trials, the study's holdout) or datasets.{lacking[0]}.holdout, or take validation.every out"
            )

    def batches(self, iteration: int) -> Prefetcher[dict[str, Batch]]:
        """This process's rows of the batches of iterations `iteration`, `iteration` + 1, ... to the last."""
        return Prefetcher(self._batches(iteration), self._device, self._poll)

    def validation(self, dataset: str) -> Prefetcher[Batch]:
        """This process's share of a validation."""
        size = self._job.experiment.validation.batch_size
        batches = eval_loader(self.val[dataset], batch_size=size, **self._workers())
        return Prefetcher(batches, self._device, self._poll)

    def _batches(self, iteration: int) -> Iterator[dict[str, Batch]]:
        loaders = {name: self._train_loader(name, steps) for name, steps in self._training.steps(iteration).items()}
        for number in range(iteration, self._training.total):
            yield {name: next(loaders[name]) for name in self._training.schedule.at(number)}

    def _train_loader(self, name: str, steps: range) -> Iterator[Batch]:
        size = self._job.experiment.datasets[name].batch_size
        return train_loader(
            self._training.data[name], batch_size=size, first_step=steps.start, last_step=steps.stop, **self._workers()
        )

    def _workers(self) -> dict[str, Any]:
        pin = self._device.type == "cuda"
        return {"workers": self._job.runtime.workers, "rank": self._world.rank, "world": self._world.size, "pin": pin}
