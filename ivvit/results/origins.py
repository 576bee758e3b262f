"""runs.csv: every run, all its metrics, and where it came from."""

from typing import Any

import pandas as pd

from ivvit.ground.versions import drift
from ivvit.results.runs import METRICS, Run, RunRef, datasets_of


def origins(refs: list[RunRef], runs: list[Run]) -> pd.DataFrame:
    """A row per run in the order of `refs`, also for those without a result."""
    names = datasets_of(runs)
    by_ref = {run.ref: run for run in runs}
    return pd.DataFrame([_row(ref, by_ref.get(ref), names) for ref in refs])


def _row(ref: RunRef, run: Run | None, names: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {"experiment": ref.experiment, "seed": ref.seed, "finished": run is not None}
    specification = run.specification if run else {}
    provenance = run.provenance if run else {}
    git = provenance.get("git") or {}
    row |= {
        "model": run.model if run else None,
        "pretrain": specification.get("pretrain"),
        "iterations": specification.get("iterations"),
    }
    for name in names:
        found = run.datasets.get(name, {}) if run else {}
        row |= {f"{name}_{metric}": found.get(metric) for metric in METRICS}
        row[f"{name}_samples"] = found.get("num_samples")
    return row | {
        "identity": provenance.get("identity"),
        "commit": git.get("commit"),
        "uncommitted_changes": git.get("dirty"),
        "version_drift": drift(provenance.get("versions") or {}),
        "starts": len(provenance.get("sessions") or []) or None,
        "accepted": ref.accepted,
        "folder": ref.folder.as_posix(),
    }
