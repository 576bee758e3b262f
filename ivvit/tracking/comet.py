"""Comet: live with COMET_API_KEY, else archived for a later upload; one experiment however often a run is restarted.

Archives are made from history.csv when a run ends or pauses, and on resuming for what a killed session left behind: no
number is lost with a process. A thread sends live numbers; if that fails, they are archived like the others.
"""

import logging
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ivvit.config.canonical import flatten
from ivvit.ground.files import write_text
from ivvit.runs.job import TrainJob
from ivvit.runs.tracker import NoTracker, Tracker
from ivvit.tracking.archive import archive_history, project
from ivvit.tracking.live import Live
from ivvit.tracking.quiet import OPTIONS, import_comet

log = logging.getLogger("ivvit.tracking")


@contextmanager
def track_with_comet(job: TrainJob) -> Iterator[Tracker]:
    """The job's Comet experiment."""
    folder = job.folder / "comet"
    folder.mkdir(parents=True, exist_ok=True)
    key, known = _key(folder)
    if not os.environ.get("COMET_API_KEY"):
        _archive(job, folder, key)
        try:
            yield NoTracker()
        finally:
            _archive(job, folder, key)
        return
    live = Live(partial(_connect, key, known, job.name, job.experiment.model_dump(mode="json")), "comet")
    try:
        yield live
    finally:
        if not live.close():
            log.warning("%s: Comet could not be reached; the numbers are archived for `ivvit comet upload`", job.name)
            _archive(job, folder, key)


def _archive(job: TrainJob, folder: Path, key: str) -> None:
    """Archiving is optional: its failure must not fail a trained run."""
    try:
        archive_history(job.folder / "history.csv", folder, key, job.name, job.experiment.model_dump(mode="json"))
    except Exception as error:
        log.warning("%s: Comet's archive cannot be written to %s (%s)", job.name, folder, error)


def _key(folder: Path) -> tuple[str, bool]:
    """The experiment's key, made when the run first starts, and whether it already existed."""
    path = folder / "key"
    if path.is_file():
        return path.read_text().strip(), True
    write_text(path, key := secrets.token_hex(16))
    return key, False


def _connect(key: str, known: bool, name: str, parameters: dict[str, Any]) -> Any:
    comet = import_comet()
    if known:
        experiment = comet.ExistingExperiment(previous_experiment=key, **OPTIONS)
        if experiment.alive:
            return experiment
    experiment = comet.Experiment(project_name=project(), experiment_key=key, **OPTIONS)
    experiment.set_name(name)
    experiment.log_parameters(flatten(parameters))
    return experiment
