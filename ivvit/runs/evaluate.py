"""`evaluate_run`: one function starts or resumes an evaluation."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from ivvit.config.splits import split_digest
from ivvit.data.manifest import read_lock
from ivvit.evaluation.evaluate import check_finite, check_readable
from ivvit.evaluation.metrics import dataset_metrics
from ivvit.evaluation.predictions import About, Predictions, write_predictions
from ivvit.evaluation.rows import Rows, join
from ivvit.evaluation.score import predict
from ivvit.evaluation.summary import mean_metrics
from ivvit.evaluation.views import EvalData
from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_json
from ivvit.numerics.precision import Precision
from ivvit.numerics.world import World
from ivvit.runs.devices import lease_device
from ivvit.runs.evaluation_job import EvaluationJob, EvaluationMetrics, read_metrics
from ivvit.runs.heads import open_for_head
from ivvit.runs.holder import one_holder
from ivvit.runs.job import Interrupted
from ivvit.runs.loader import eval_loader
from ivvit.runs.logs import log_to
from ivvit.runs.memory import enough_memory
from ivvit.runs.model_file import ModelCard, load_model, read_card
from ivvit.runs.pace import FLUSH, SAVE, STOP, Pace
from ivvit.runs.parts import Parts
from ivvit.runs.prefetch import Prefetcher
from ivvit.runs.processes import join_world, leave_world
from ivvit.runs.progress import Reporter, device_memory, report_progress
from ivvit.runs.provenance import all_versions
from ivvit.runs.stop import watch_for_stop

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel

log = logging.getLogger("ivvit")

_SAVE_MINUTES = 1.0


def evaluate_run(job: EvaluationJob) -> EvaluationMetrics:
    """Evaluate a model, resuming from where an earlier start of the same evaluation was stopped or killed.

    predictions.parquet, then metrics.json appear in the job's folder, equal to the byte after any number of kills. A
    finished evaluation is not done again. Under torchrun all processes call this together.

    Raises:
        Interrupted: a signal or the job's time limit asked for a stop; the predictions so far are kept.
        Diverged: the model's output is not finite.
        UserError: anything else that the user can fix.
    """
    card, world = read_card(job.model), join_world()
    key = _key(job, card)
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            _evaluate(job, card, key, world, stack)
        if world.leads:
            shutil.rmtree(job.folder / "state", ignore_errors=True)
    except Interrupted:
        world.broadcast(None)  # torchrun ends all processes with the first, and the main one has to finish writing
        raise
    finally:
        leave_world(world)
    return read_metrics(job.folder)


def _key(job: EvaluationJob, card: ModelCard) -> dict[str, Any]:
    """What the numbers depend on: evaluations with equal keys are the same."""
    options = job.options
    return {
        "evaluation": options.model_dump(exclude={"batch_size"}) | {"precision": card.precision},
        "heads": {data.name: data.head for data in job.datasets},
        "data": {
            data.name: split_digest(read_lock(data.manifest), options.split, data.holdout) for data in job.datasets
        },
        "model_sha256": sha256_of(job.model),
        "renamed": {data.name: data.classes for data in job.datasets if data.classes},
    }


def _is_done(folder: Path, key: dict[str, Any]) -> bool:
    try:
        found = asdict(read_metrics(folder))  # with defaults for what an earlier version did not write
    except UserError:
        return False
    return (folder / "predictions.parquet").is_file() and {name: found[name] for name in key} == key


def _evaluate(job: EvaluationJob, card: ModelCard, key: dict[str, Any], world: World, stack: ExitStack) -> None:
    lost = stack.enter_context(one_holder(job.folder / "state" / "lock", world))
    if world.broadcast(_is_done(job.folder, key)):
        return
    stack.enter_context(log_to(job.folder / "evaluate.log", world.leads))
    device = stack.enter_context(lease_device(job.runtime, world))
    stop = stack.enter_context(watch_for_stop(job.runtime.deadline_minutes))
    pace = Pace(world, stop, lost, min(_SAVE_MINUTES, job.runtime.checkpoint_minutes))
    data = {entry.name: open_for_head(entry, card, job.root, job.options) for entry in job.datasets}
    model = load_model(job.model, card).to(device)
    parts = Parts(job.folder / "state", key) if world.leads else None
    total = sum(len(split.samples) for split in data.values())
    if world.leads:
        what = (job.name, total, job.options.split, job.model, all_versions())
        log.info("%s: %d samples of %s by %s, versions %s", *what)
    with report_progress(job.name, 0, total, world.leads) as progress:
        course = _Course(job, card, model, device, world, pace, parts, progress)
        found = {entry.name: course.dataset(entry.name, entry.head, data[entry.name]) for entry in job.datasets}
    if world.leads:
        _write(job, card, key, data, found)
    world.broadcast(None)  # all processes find the files when they return


class _Course:
    """An evaluation in progress."""

    def __init__(
        self, job: EvaluationJob, card: ModelCard, model: "JointModel", device: torch.device, world: World, pace: Pace,
        parts: Parts | None, progress: Reporter | None,
    ) -> None:  # fmt: skip
        self._job, self._model, self._device, self._world, self._pace = job, model, device, world, pace
        self._precision = Precision(card.precision, device)
        self._parts, self._progress = parts, progress
        self._done = self._unreported = 0

    def dataset(self, name: str, head: str, data: EvalData) -> Rows:
        """The predictions of a data set, on the main process; a collective call."""
        known = self._world.broadcast(self._parts and _covered(self._parts.read(name)))
        left = [index for index in range(len(data.samples)) if index not in known]
        self._done += len(known)
        for rows in self._saved(name, head, data, left):
            check_finite(rows, data.samples)
            if self._parts is not None and len(rows) + len(rows.unreadable):
                self._parts.add(name, rows)
        rows = self._world.broadcast(self._parts and self._parts.read(name).lean())
        try:
            check_readable(rows, data.samples, data.options.max_damaged)
        except UserError:
            if self._parts is not None:
                self._parts.drop_unreadable(name)
            raise
        return self._parts.read(name) if self._parts is not None else rows

    def _saved(self, name: str, head: str, data: EvalData, left: list[int]) -> Iterator[Rows]:
        """The predictions of all processes, whenever they are due to be saved, and at the end.

        Raises:
            Interrupted: after the last yield, if a stop was requested.
        """
        size, waiting = self._job.options.batch_size, list[Rows]()
        batches = eval_loader(
            data, batch_size=size, workers=self._job.runtime.workers, rank=self._world.rank, world=self._world.size,
            pin=self._device.type == "cuda", indices=left,
        )  # fmt: skip
        with closing(Prefetcher(batches, self._device)) as ready:
            for _ in range(-(-len(left) // (self._world.size * size))):  # equally often in all processes
                actions = self._pace.actions()
                if actions & (SAVE | STOP):
                    yield join([rows for part in self._world.gather(waiting) for rows in part])
                    waiting = []
                    self._pace.saved()
                if actions & STOP:
                    self._stop()
                with enough_memory("evaluation.batch_size"):
                    if (batch := next(ready, None)) is not None:
                        waiting.append(predict(self._model, head, batch, self._precision, self._device))
                self._report(name, waiting, self._world.size * size, bool(actions & FLUSH))
        yield join([rows for part in self._world.gather(waiting) for rows in part])

    def _report(self, name: str, waiting: list[Rows], samples: int, now: bool) -> None:
        self._done += samples
        self._unreported += samples
        if self._progress is not None and now and waiting and len(waiting[-1]):
            losses = {name: {"loss": float(waiting[-1].loss.mean())}}
            self._progress.update(self._done, self._unreported, losses, device_memory(self._device))
            self._unreported = 0

    def _stop(self) -> None:
        reason = self._world.broadcast(self._pace.stop.reason())
        raise Interrupted(
            f"{self._job.name}: stopped ({reason}); the predictions so far are kept; start it again to resume"
        )


def _covered(rows: Rows) -> set[int]:
    return {*rows.index.tolist(), *rows.unreadable}


def _write(
    job: EvaluationJob, card: ModelCard, key: dict[str, Any], data: dict[str, EvalData], found: dict[str, Rows]
) -> None:
    """predictions.parquet, then metrics.json, so that its existence means finished."""
    metrics, predictions = {}, []
    for entry in job.datasets:
        samples, rows = data[entry.name].samples, found[entry.name]
        index = rows.index.tolist()
        groups, seen = [samples.groups[i] for i in index], set(index)
        metrics[entry.name] = dataset_metrics(
            rows, classes=card.heads[entry.head].classes, groups=groups, split=job.options.split,
            unreadable=[path for i, path in enumerate(samples.paths) if i not in seen],
        )  # fmt: skip
        predictions.append(Predictions(entry.name, [samples.paths[i] for i in index], groups, rows))
    about = About(
        classes={entry.name: card.heads[entry.head].classes for entry in job.datasets},
        evaluation=key["evaluation"], identity=card.identity, seed=card.seed, model_sha256=key["model_sha256"],
    )  # fmt: skip
    write_predictions(job.folder / "predictions.parquet", predictions, about)
    content = EvaluationMetrics(
        datasets=metrics, mean=mean_metrics(metrics), **key, identity=card.identity, seed=card.seed,
        iterations=card.iterations, kept_iteration=card.kept_iteration, skipped_steps=card.skipped_steps,
        substitutes=card.substitutes,
    )  # fmt: skip
    write_json(job.folder / "metrics.json", asdict(content))
