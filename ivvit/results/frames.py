"""The tables as programs read them: numbers are fractions, nothing is rounded."""

from typing import Any

import numpy as np
import pandas as pd

from ivvit.results.all_pairs import all_differences
from ivvit.results.comparison import Comparison, Row
from ivvit.results.estimates import Difference, Estimate, holm
from ivvit.results.statistics import ALL


def comparison_frame(comparison: Comparison) -> pd.DataFrame:
    """A row per experiment, then published ones, chance and majority (column `kind`)."""
    rows = [_row(comparison, row) for row in comparison.rows]
    for found in comparison.references:
        values = found.top5 if comparison.metric == "top5" else found.top1
        known = {f"{name}_{comparison.metric}_mean": value / 100 for name, value in values.items()
                 if name in comparison.columns}  # fmt: skip
        rows.append({"experiment": found.name, "kind": "published", "source": found.source, **known})
    if comparison.finished:
        for kind, values in (("chance", comparison.chance), ("majority", comparison.majority)):
            known = {f"{name}_{comparison.metric}_mean": value for name, value in values.items()}
            rows.append({"experiment": kind, "kind": kind, **known})
    return pd.DataFrame(rows, dtype=object)  # counts stay whole numbers where some rows have none


def joint_frame(comparison: Comparison) -> pd.DataFrame:
    """joint_vs_single.csv: a row per joint experiment, single one and data set."""
    columns = ["joint", "single", "dataset", "joint_mean", "joint_low", "joint_high", "single_mean", "single_low",
               "single_high", *_DIFFERENCE]  # fmt: skip
    rows = [
        [
            f.joint,
            f.single,
            f.dataset,
            *_estimate(f.joint_value),
            *_estimate(f.single_value),
            *_difference(f.difference),
        ]
        for f in comparison.joint
    ]
    return pd.DataFrame(rows, columns=columns)


def pairs_frame(comparison: Comparison) -> pd.DataFrame:
    """pairs.csv: experiments two by two, on every data set that both have; p is corrected over the whole file."""
    every = all_differences(comparison)
    found = holm(list(every.values()))
    rows = [[*pair[:2], "all" if pair[2] == ALL else pair[2], *_difference(difference)]
            for pair, difference in zip(every, found, strict=True) if difference.samples]  # fmt: skip
    return pd.DataFrame(rows, columns=["first", "second", "dataset", *_DIFFERENCE])


def class_frames(comparison: Comparison) -> dict[str, pd.DataFrame]:
    """Data set -> a row per class: its samples, and each experiment's accuracy (mean over seeds)."""
    found = {}
    for name in comparison.statistics.datasets:
        columns: dict[str, Any] = {}
        for row in comparison.finished:
            results = [run.datasets[name].per_class for run in row.runs if name in run.datasets]
            if not results:
                continue
            columns.setdefault("class", [entry.name for entry in results[0]])
            if words := comparison.words(name):
                columns.setdefault("words", [words.get(entry.name, "") for entry in results[0]])
            columns.setdefault("samples", [entry.num_samples for entry in results[0]])
            columns[row.experiment] = _mean_known(
                np.array([[entry.top1 for entry in entries] for entries in results], float)
            )
        found[name] = pd.DataFrame(columns)
    return found


def _mean_known(values: np.ndarray) -> np.ndarray:
    """(S, C) -> (C,): means over what is not NaN; NaN where all is."""
    counts = (~np.isnan(values)).sum(0)
    return np.where(counts > 0, np.nansum(values, 0) / np.maximum(counts, 1), np.nan)


_DIFFERENCE = ("difference", "low", "high", "p", "p_holm", "seeds", "samples", "test")


def _difference(found: Difference) -> tuple[Any, ...]:
    return (found.value, found.low, found.high, found.p, found.adjusted, found.seeds, found.samples, found.test)


def _estimate(found: Estimate) -> tuple[float, float, float]:
    return found.value, found.low, found.high


def _row(comparison: Comparison, row: Row) -> dict[str, Any]:
    missing = {ref.seed: why for ref, why in comparison.missing.items() if ref.experiment == row.experiment}
    found: dict[str, Any] = {
        "experiment": row.experiment, "kind": "experiment", "model": row.model, "pretrain": row.setting("pretrain"),
        "iterations": row.setting("iterations"), "n": len(row.runs), "missing": " ".join(map(str, missing)),
        "why_missing": "; ".join(dict.fromkeys(missing.values())), "tuned": row.tuned, "accepted": row.accepted,
    }  # fmt: skip
    for column in comparison.columns:
        found |= _numbers(comparison, row, column)
    if (cost := row.cost) is not None:
        found |= {
            "parameters": cost.parameters,
            "gflops_image": cost.image_gflops,
            "gflops_clip": cost.clip_gflops,
            "samples_per_second": cost.samples_per_second,
            "training_hours": cost.hours,
            "device": cost.device,
        }
    return found


def _numbers(comparison: Comparison, row: Row, column: str) -> dict[str, Any]:
    mean, key = row.means[column], f"{column}_{comparison.metric}"
    found: dict[str, Any] = {f"{key}_mean": mean.value, f"{key}_std": mean.deviation, f"{key}_low": mean.low,
                             f"{key}_high": mean.high, f"{column}_samples": mean.samples or None}  # fmt: skip
    if column != ALL:
        found[f"{column}_split"] = row.split(column)
        for name in ("top5", "mean_class_accuracy", "ece", "loss"):
            values = [getattr(run.datasets[column], name) for run in row.runs if column in run.datasets]
            known = [value for value in values if value is not None]
            found.setdefault(f"{column}_{name}", sum(known) / len(known) if known else None)
        if voted := [run.knn[column].top1 for run in row.runs if column in run.knn]:
            found[f"{column}_knn_top1"] = sum(voted) / len(voted)
    if comparison.baseline is not None:
        difference = row.differences[column]
        found |= {f"{column}_difference": difference.value, f"{column}_difference_low": difference.low,
                  f"{column}_difference_high": difference.high, f"{column}_p": difference.p,
                  f"{column}_p_holm": difference.adjusted}  # fmt: skip
    return found | {f"{column}_best": row.experiment in comparison.best[column]}
