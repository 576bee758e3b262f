"""An evaluation in progress: splits through a model, by all processes, saved on the way."""

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic

import torch

from ivvit.evaluation.evaluate import check_finite, check_readable
from ivvit.evaluation.neighbours import Features, check_finite_features, embed
from ivvit.evaluation.rows import Rows
from ivvit.evaluation.score import predict
from ivvit.evaluation.views import EvalData
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.precision import Precision
from ivvit.numerics.samples import Samples
from ivvit.numerics.world import World
from ivvit.runs.evaluation_job import EvaluationJob
from ivvit.runs.job import Interrupted
from ivvit.runs.loader import eval_loader
from ivvit.runs.memory import enough_memory
from ivvit.runs.pace import FLUSH, SAVE, STOP, Pace
from ivvit.runs.parts import BANK, FEATURES, PREDICTIONS, Kind, Parts, T
from ivvit.runs.prefetch import Prefetcher
from ivvit.runs.progress import Reporter, device_memory

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel


@dataclass(frozen=True)
class _Task(Generic[T]):
    """What is computed of a split."""

    name: str
    """The data set's."""
    data: EvalData
    kind: Kind[T]
    compute: Callable[[Batch], T]
    check: Callable[[T, Samples], None]


class Course:
    """All methods are collective calls.

    Args:
        job: the evaluation.
        model: on the device, in evaluation mode.
        precision: of the forward passes.
        device: where the model is.
        world: all processes.
        pace: when to save and stop.
        key: what the results depend on; parts of another key are removed.
        progress: the main process's.
    """

    def __init__(
        self, job: EvaluationJob, model: "JointModel", precision: Precision, device: torch.device, world: World,
        pace: Pace, key: dict[str, Any], progress: Reporter | None,
    ) -> None:  # fmt: skip
        self._job, self._model, self._precision, self._device = job, model, precision, device
        self._world, self._pace, self._key, self._progress = world, pace, key, progress
        self._done = self._unreported = 0

    def predictions(self, name: str, head: str, data: EvalData) -> Rows:
        """What a head says of a split; on processes but the main one, without the probabilities of all classes."""

        def compute(batch: Batch) -> Rows:
            return predict(self._model, head, batch, self._precision, self._device)

        return self._split(_Task(name, data, PREDICTIONS, compute, check_finite)) or Rows.none()

    def features(self, name: str, data: EvalData, bank: bool = False) -> Features | None:
        """What heads would see of a split, of the training samples or of those that ask; on the main process."""

        def compute(batch: Batch) -> Features:
            return embed(self._model, batch, self._precision, self._device)

        return self._split(_Task(name, data, BANK if bank else FEATURES, compute, check_finite_features))

    def _split(self, task: _Task[T]) -> T | None:
        parts = Parts(self._job.folder / "state", self._key, task.kind) if self._world.is_main else None
        known = self._world.broadcast(parts and _covered(parts.read(task.name).lean()))
        left = [index for index in range(len(task.data.samples)) if index not in known]
        self._done += len(known)
        for found in self._saved(task, left):
            task.check(found, task.data.samples)
            if parts is not None and len(found) + len(found.unreadable):
                parts.add(task.name, found)
        rows = self._world.broadcast(parts and parts.read(task.name).lean())
        try:
            check_readable(rows, task.data.samples, task.data.options.max_damaged)
        except UserError:
            if parts is not None:
                parts.drop_unreadable(task.name)
            raise
        return parts.read(task.name) if parts is not None else None

    def _saved(self, task: _Task[T], left: list[int]) -> Iterator[T]:
        """What all processes found, whenever it is due to be saved, and at the end.

        Raises:
            Interrupted: after the last yield, if a stop was requested.
        """
        size, waiting = self._job.options.batch_size, list[T]()
        batches = eval_loader(
            task.data, batch_size=size, workers=self._job.runtime.workers, rank=self._world.rank,
            world=self._world.size, pin=self._device.type == "cuda", indices=left,
        )  # fmt: skip
        with closing(Prefetcher(batches, self._device)) as ready:
            for _ in range(-(-len(left) // (self._world.size * size))):  # equally often in all processes
                actions = self._pace.actions()
                if actions & (SAVE | STOP):
                    yield self._gathered(task, waiting)
                    waiting = []
                    self._pace.saved()
                if actions & STOP:
                    self._stop()
                with enough_memory("evaluation.batch_size"):
                    if (batch := next(ready, None)) is not None:
                        waiting.append(task.compute(batch))
                self._report(task.name, waiting, self._world.size * size, bool(actions & FLUSH))
        yield self._gathered(task, waiting)

    def _gathered(self, task: _Task[T], waiting: list[T]) -> T:
        return task.kind.join([found for part in self._world.gather(waiting) for found in part])

    def _report(self, name: str, waiting: list[T], samples: int, now: bool) -> None:
        self._done += samples
        self._unreported += samples
        if self._progress is not None and now and waiting and len(waiting[-1]):
            latest = waiting[-1]
            losses = {name: {"loss": float(latest.loss.mean())}} if isinstance(latest, Rows) else {}
            self._progress.update(self._done, self._unreported, losses, device_memory(self._device))
            self._unreported = 0

    def _stop(self) -> None:
        reason = self._world.broadcast(self._pace.stop.reason())
        raise Interrupted(
            f"{self._job.name}: stopped ({reason}); the predictions so far are kept; start it again to resume"
        )


def _covered(rows: Rows) -> set[int]:
    return {*rows.index.tolist(), *rows.unreadable}
