"""`evaluate_run`: one function starts or resumes an evaluation."""

import logging
import shutil
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from ivvit.config.optimisation import EvaluationOptions
from ivvit.config.splits import split_digest
from ivvit.data.manifest import read_lock
from ivvit.evaluation.metrics import DatasetMetrics, dataset_metrics
from ivvit.evaluation.neighbours import knn_metrics
from ivvit.evaluation.predictions import About, Predictions, write_predictions
from ivvit.evaluation.rows import Rows
from ivvit.evaluation.summary import mean_metrics
from ivvit.evaluation.views import EvalData
from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.ground.files import as_json, write_bytes
from ivvit.ground.seal import altered, seal
from ivvit.numerics.precision import Precision
from ivvit.numerics.world import World
from ivvit.runs.course import Course
from ivvit.runs.devices import lease_device
from ivvit.runs.evaluation_job import EvaluationJob, EvaluationMetrics, read_metrics
from ivvit.runs.heads import open_for_head
from ivvit.runs.holder import one_holder
from ivvit.runs.job import Interrupted
from ivvit.runs.logs import log_to
from ivvit.runs.model_file import ModelCard, load_model, read_card
from ivvit.runs.pace import Pace
from ivvit.runs.processes import join_world, leave_world
from ivvit.runs.progress import report_progress
from ivvit.runs.provenance import all_versions
from ivvit.runs.stop import watch_for_stop

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
        if world.is_main:
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

    def digests(split: str) -> dict[str, str]:
        return {data.name: split_digest(read_lock(data.manifest), split, data.holdout) for data in job.datasets}

    return {
        "evaluation": options.counted() | {"precision": card.precision},
        "heads": {data.name: data.head for data in job.datasets},
        "data": digests(options.split),
        "bank": {} if options.knn is None else digests("train"),
        "model_sha256": sha256_of(job.model),
        "renamed": {data.name: data.classes for data in job.datasets if data.classes},
    }


def _is_done(folder: Path, key: dict[str, Any]) -> bool:
    try:
        found = asdict(read_metrics(folder))  # with defaults for what an earlier version did not write
    except UserError:
        return False
    if altered(folder) or not (folder / "predictions.parquet").is_file():
        return False
    return {name: found[name] for name in key} == key


def _evaluate(job: EvaluationJob, card: ModelCard, key: dict[str, Any], world: World, stack: ExitStack) -> None:
    lost = stack.enter_context(one_holder(job.folder / "state" / "lock", world))
    if world.broadcast(_is_done(job.folder, key)):
        return
    stack.enter_context(log_to(job.folder / "evaluate.log", world.is_main))
    device = stack.enter_context(lease_device(job.runtime, world))
    stop = stack.enter_context(watch_for_stop(job.runtime.deadline_minutes))
    pace = Pace(world, stop, lost, min(_SAVE_MINUTES, job.runtime.checkpoint_minutes))
    data = _splits(job, card, job.options)
    banks = _splits(job, card, job.options.model_copy(update={"split": "train"})) if job.options.knn else {}
    model, precision = load_model(job.model, card).to(device), Precision(card.precision, device)
    total = sum(len(data[name].samples) + len(bank.samples) for name, bank in banks.items())
    total += sum(len(split.samples) for split in data.values())
    if world.is_main:
        what = (job.name, total, job.options.split, job.model, all_versions())
        log.info("%s: %d samples of %s by %s, versions %s", *what)
    with report_progress(job.name, 0, total, world.is_main) as progress:
        course = Course(job, model, precision, device, world, pace, key, progress)
        found = {entry.name: course.predictions(entry.name, entry.head, data[entry.name]) for entry in job.datasets}
        voted = {name: _voted(course, job, name, data[name], bank, device) for name, bank in banks.items()}
    if world.is_main:
        _write(job, card, key, data, found, {name: metrics for name, metrics in voted.items() if metrics})
    world.broadcast(None)  # all processes find the files when they return


def _splits(job: EvaluationJob, card: ModelCard, options: EvaluationOptions) -> dict[str, EvalData]:
    return {entry.name: open_for_head(entry, card, job.root, options) for entry in job.datasets}


def _voted(
    course: Course, job: EvaluationJob, name: str, data: EvalData, bank: EvalData, device: torch.device
) -> DatasetMetrics | None:
    """The numbers of a data set by the vote of its training samples, on the main process; a collective call."""
    known, asked = course.features(name, bank, bank=True), course.features(name, data)
    if known is None or asked is None:
        return None
    return knn_metrics(known, bank.samples, asked, data.samples, job.options.split, job.options.knn or 0, device)


def _write(
    job: EvaluationJob, card: ModelCard, key: dict[str, Any], data: dict[str, EvalData], found: dict[str, Rows],
    voted: dict[str, DatasetMetrics],
) -> None:  # fmt: skip
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
        substitutes=card.substitutes, knn=voted,
    )  # fmt: skip
    text = as_json(asdict(content)).encode()
    seal(job.folder, ["predictions.parquet"], {"metrics.json": text})
    write_bytes(job.folder / "metrics.json", text)
