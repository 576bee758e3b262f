"""The data of a run: batches by iteration, and the loaders of evaluation."""

from collections.abc import Callable, Iterator
from typing import Any

import torch

from ivvit.evaluation.views import EvalData, make_eval_data
from ivvit.numerics.batch import Batch
from ivvit.numerics.training import Training
from ivvit.numerics.world import World
from ivvit.runs.inputs import samples_of
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
        experiment = job.experiment
        views = {"clips": experiment.evaluation.clips, "crops": experiment.evaluation.crops}
        size = {"img_size": training.img_size, "num_frames": experiment.num_frames}
        views["interpolation"] = training.trainer.model.pixels.interpolation
        self.val: dict[str, EvalData] = {
            name: make_eval_data(samples, experiment.data[name], **size, **views)
            for name, samples in samples_of(job, "val").items()
        }

    def batches(self, iteration: int) -> Prefetcher[dict[str, Batch]]:
        """This process's rows of the batches of iterations `iteration`, `iteration` + 1, ... to the last."""
        return Prefetcher(self._batches(iteration), self._device, self._poll)

    def evaluation(self, dataset: str) -> Prefetcher[Batch]:
        """This process's share of the validation split."""
        size = self._job.experiment.evaluation.batch_size
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
