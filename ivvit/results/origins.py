"""runs.csv: every run, all its metrics, and where it came from."""

from typing import Any

import pandas as pd

from ivvit.ground.versions import drift
from ivvit.results.comparison import Comparison
from ivvit.results.runs import Run, RunRef

_METRICS = ("split", "top1", "top5", "loss", "mean_class_accuracy", "ece", "num_samples")


def origins(comparison: Comparison) -> pd.DataFrame:
    """A row per run in the configuration's order, also for those without a result."""
    by_ref = {run.ref: run for row in comparison.finished for run in row.runs}
    names = comparison.statistics.datasets
    rows = [_row(ref, by_ref.get(ref), comparison.missing.get(ref), names) for ref in comparison.refs]
    return pd.DataFrame(rows, dtype=object)  # counts stay whole numbers where some rows have none


def _row(ref: RunRef, run: Run | None, missing: str | None, names: list[str]) -> dict[str, Any]:
    specification = run.specification if run else {}
    provenance = run.provenance if run else {}
    git = provenance.get("git") or {}
    row: dict[str, Any] = {
        "experiment": ref.experiment, "seed": ref.seed, "finished": run is not None, "why_missing": missing,
        "model": run.model if run else None, "pretrain": specification.get("pretrain"),
        "iterations": specification.get("iterations"),
    }  # fmt: skip
    for name in names:
        found = run.datasets.get(name) if run else None
        row |= {f"{name}_{metric}": getattr(found, metric, None) for metric in _METRICS}
        row[f"{name}_unreadable"] = len(found.unreadable) if found else None
    return row | {
        "identity": provenance.get("identity"), "commit": git.get("commit"), "uncommitted_changes": git.get("dirty"),
        "version_drift": drift(provenance.get("versions") or {}),
        "starts": len(provenance.get("sessions") or []) or None,
        "device": run.device if run else None, "tuned": ref.tuned, "accepted": ref.accepted,
        "folder": ref.folder.as_posix(),
        "evaluation": ref.evaluation.as_posix() if ref.evaluation else None,
    }  # fmt: skip
