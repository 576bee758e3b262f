"""Offline archives of a Comet experiment, made from history.csv."""

from pathlib import Path
from typing import Any

from ivvit.config.canonical import flatten
from ivvit.ground.files import write_text
from ivvit.runs.rows import read_rows
from ivvit.tracking.quiet import OPTIONS, import_comet

VALUES = ("loss", "top1", "top5", "lr", "weight")


def archive_history(history: Path, folder: Path, key: str, name: str, parameters: dict[str, Any]) -> None:
    """Write the rows of history.csv that are in no archive yet to a new archive of the experiment `key`.

    The first archive creates the experiment when it is uploaded, later ones continue it. `folder`/archived records the
    last iteration of each phase after the archive is written: a kill in between sends the same numbers twice.
    """
    done = _archived(folder)
    rows = [row for row in read_rows(history) if int(row["iteration"]) > done.get(row["phase"], 0)]
    if not rows:
        return
    experiment = _open(folder, key, name, parameters, first=not done)
    for row in rows:
        experiment.log_metrics(metrics_of(row), step=int(row["iteration"]))
        done[row["phase"]] = int(row["iteration"])
    experiment.end()
    write_text(folder / "archived", "".join(f"{phase} {iteration}\n" for phase, iteration in done.items()))


def metrics_of(row: dict[str, str]) -> dict[str, float]:
    """A row of history.csv as Comet's metrics: {"train_loss/UCF101": ...}."""
    return {f"{row['phase']}_{key}/{row['dataset']}": float(row[key]) for key in VALUES if row[key]}


def _open(folder: Path, key: str, name: str, parameters: dict[str, Any], first: bool) -> Any:
    comet = import_comet()
    if not first:
        return comet.ExistingOfflineExperiment(previous_experiment=key, offline_directory=str(folder), **OPTIONS)
    experiment = comet.OfflineExperiment(
        project_name=project(), experiment_key=key, offline_directory=str(folder), **OPTIONS
    )
    experiment.set_name(name)
    experiment.log_parameters(flatten(parameters))
    return experiment


def project() -> str:
    """COMET_PROJECT_NAME, or ivvit."""
    return import_comet().get_config("comet.project_name") or "ivvit"


def _archived(folder: Path) -> dict[str, int]:
    path = folder / "archived"
    pairs = [line.split() for line in path.read_text().splitlines()] if path.is_file() else []
    return {phase: int(iteration) for phase, iteration in pairs}
