"""The data of a run: batches by iteration, and the evaluation's loaders."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import torch

from ivvit.data.batches import Batch, EvalData, TrainData, eval_loader, open_eval, open_train, train_loader
from ivvit.training.ahead import FetchAhead
from ivvit.training.distributed import World
from ivvit.training.job import TrainJob
from ivvit.training.task_schedule import TaskSchedule


class Feed:
    """Opens each data set once; loaders start where they are asked to. `poll`: called while a batch is waited for."""

    def __init__(
        self, job: TrainJob, img_size: int, world: World, device: torch.device,
        poll: Callable[[], None] = lambda: None,
    ) -> None:  # fmt: skip
        self._job, self._world, self._device, self._poll = job, world, device, poll
        experiment = job.experiment
        size = {"img_size": img_size, "num_frames": experiment.num_frames}
        views = {"clips": experiment.evaluation.clips, "crops": experiment.evaluation.crops}
        places = {name: (name, options, job.root, Path(job.manifests[name]))
                  for name, options in experiment.data.items()}  # fmt: skip
        self.train: dict[str, TrainData] = {n: open_train(*p, **size, seed=job.seed) for n, p in places.items()}
        self.val: dict[str, EvalData] = {n: open_eval(*p, **size, **views) for n, p in places.items()}
        self.schedule = TaskSchedule(experiment, job.seed)

    def batches(self, iteration: int) -> Iterator[dict[str, Batch]]:
        """This process's rows of the batches of iterations `iteration`, `iteration` + 1, ... to the last."""
        return FetchAhead(self._batches(iteration), self._device, self._poll)

    def evaluation(self, dataset: str) -> Iterator[Batch]:
        """This process's share of the validation split."""
        size = self._job.experiment.evaluation.batch_size
        batches = eval_loader(self.val[dataset], batch_size=size, **self._workers())
        return FetchAhead(batches, self._device, self._poll)

    def _batches(self, iteration: int) -> Iterator[dict[str, Batch]]:
        total = self._job.experiment.iterations
        first, last = self.schedule.steps_before(iteration), self.schedule.steps_before(total)
        loaders = {name: self._train_loader(name, first[name], last[name]) for name in first}
        for number in count(iteration):
            if number == total:
                return
            yield {name: next(loaders[name]) for name in self.schedule.at(number)}

    def _train_loader(self, name: str, first: int, last: int) -> Iterator[Batch]:
        size = self._job.experiment.datasets[name].batch_size
        return train_loader(self.train[name], batch_size=size, first_step=first, last_step=last, **self._workers())

    def _workers(self) -> dict[str, int | bool]:
        pin = self._device.type == "cuda"
        return {"workers": self._job.runtime.workers, "rank": self._world.rank, "world": self._world.size, "pin": pin}
