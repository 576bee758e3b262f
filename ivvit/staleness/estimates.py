"""How long stale runs will take and what they leave on the disk, from what runs of the same shape took."""

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Any

from ivvit.staleness.past import PastRun
from ivvit.staleness.superseded import size

# What decides the time of an iteration, as far as the specification knows.
_SHAPE = (
    "model",
    "backbone",
    "num_frames",
    "datasets",
    "task_schedule",
    "precision",
    "accumulate",
    "update_rule",
    "ema",
)
_ALIKE = ("backbone", "num_frames", "precision")


@dataclass(frozen=True)
class Estimate:
    """One run's cost, and where the numbers come from."""

    seconds: float | None
    """Training, evaluation and saving; None if nobody knows."""
    size: int | None
    """Bytes of its folder."""
    basis: str
    """In words: how sure this is."""


def estimate(spec: dict[str, Any], past: list[PastRun]) -> Estimate:
    """The cost of a run with this specification."""
    usable = [run for run in past if run.provenance.get("speed") and run.parts.get("spec")]
    same = [run for run in usable if _part(run, _SHAPE) == _pick(spec, _SHAPE)]
    if same:
        seconds = [_seconds(run, spec["iterations"]) for run in same]
        spread = f", {min(seconds) / median(seconds) - 1:+.0%} to {max(seconds) / median(seconds) - 1:+.0%}"
        basis = f"measured: {_count(same)} of the same shape on {_device(same)}{spread if len(same) > 1 else ''}"
        return Estimate(median(seconds), size(same[0].folder), basis)
    alike = [run for run in usable if _part(run, _ALIKE) == _pick(spec, _ALIKE)]
    if alike:
        samples = spec["iterations"] * sum(use["batch_size"] for use in spec["datasets"].values())
        seconds = [samples / run.provenance["speed"]["samples_per_second"] for run in alike]
        basis = f"rough: by the samples a second of {_count(alike)} with the same backbone on {_device(alike)}"
        return Estimate(median(seconds), size(alike[0].folder), basis)
    return Estimate(None, None, "unknown: no finished run is like it; the first one's log tells its speed")


def _seconds(run: PastRun, iterations: int) -> float:
    speed = run.provenance["speed"]
    return iterations / speed["iterations_per_second"] + speed["evaluate_seconds"] + speed["save_seconds"]


def _pick(spec: dict[str, Any], keys: Iterable[str]) -> dict[str, Any]:
    return {key: spec.get(key) for key in keys}


def _part(run: PastRun, keys: Iterable[str]) -> dict[str, Any]:
    return _pick(run.parts["spec"], keys)


def _count(runs: list[PastRun]) -> str:
    return f"{len(runs)} run{'s' * (len(runs) > 1)}"


def _device(runs: list[PastRun]) -> str:
    devices = {session["device"] for run in runs for session in run.provenance["sessions"][-1:]}
    return " / ".join(sorted(devices))
