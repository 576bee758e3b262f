"""The evaluations that lie beside a model's file."""

from pathlib import Path

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.runs.evaluation_job import EvaluationMetrics, read_metrics

PREDICTIONS = "predictions.parquet"


def evaluations_of(model: Path) -> dict[Path, EvaluationMetrics]:
    """Folder -> the numbers in it, of this very file; the evaluation of today's protocol is a run's last one."""
    sha256, found = sha256_of(model), {}
    for folder in _folders(model.resolve()):
        try:
            metrics = read_metrics(folder)
        except UserError:  # another program's, or one that is not finished
            continue
        if metrics.model_sha256 == sha256:
            found[folder] = metrics
    return found


def _folders(model: Path) -> list[Path]:
    evaluations = sorted(model.parent.glob("evaluations/*/metrics.json"), key=lambda file: file.stat().st_mtime_ns)
    beside = [model.parent] if (model.parent / "metrics.json").is_file() else []
    return [*(file.parent for file in evaluations), *beside]
