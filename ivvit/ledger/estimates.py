"""How long stale runs will take and what they leave on the disk, from what runs of the same shape took."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from statistics import median
from typing import Any

from ivvit.ground.digest import canonical_json
from ivvit.identity.paths import Paths
from ivvit.ledger.past import PastRun, finished_runs
from ivvit.ledger.superseded import size

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
_ENOUGH = 9  # runs: the median of more is no better


@dataclass(frozen=True)
class Speed:
    """What a run, or the beginning of one, took."""

    iterations_per_second: float
    samples_per_second: float
    validation: float
    """Seconds of one validation."""
    saving: float
    """Seconds of writing checkpoints."""
    size: int
    """Bytes of its folder."""
    device: str


@dataclass(frozen=True)
class Estimate:
    """One run's cost, and where the numbers come from."""

    seconds: float | None
    """Training, validation and saving; None if nobody knows."""
    size: int | None
    """Bytes of its folder."""
    basis: str
    """In words: how sure this is."""


class Experience:
    """What finished runs took, by shape, and what probes found out."""

    def __init__(self, paths: Paths) -> None:
        self._runs: dict[str, list[PastRun]] = {}
        self._probes: dict[str, Speed | None] = {}
        self._speeds = cache(lambda key: list(_speeds(self._runs.get(key, ()))))
        keys: dict[str, list[str]] = {}
        for run in finished_runs(paths):
            if run.identity not in keys:  # seeds share a specification: one is read
                spec = run.parts.get("spec")
                keys[run.identity] = [_key(spec, _SHAPE), _key(spec, _ALIKE)] if spec else []
            for key in keys[run.identity]:
                self._runs.setdefault(key, []).append(run)

    def unmeasured(self, spec: dict[str, Any]) -> bool:
        """Whether no finished run is of this shape."""
        return not self._speeds(_key(spec, _SHAPE))

    def unknown(self, spec: dict[str, Any]) -> bool:
        """Whether no run of this shape was measured and no probe was tried."""
        return self.unmeasured(spec) and _key(spec, _SHAPE) not in self._probes

    def add_probe(self, spec: dict[str, Any], speed: Speed | None) -> None:
        """Take what a probe of this shape found out; None if it failed."""
        self._probes[_key(spec, _SHAPE)] = speed

    def estimate(self, spec: dict[str, Any], done: int = 0) -> Estimate:
        """The cost of a run with this specification, of which some iterations are done."""
        spec = {**spec, "iterations": max(0, spec["iterations"] - done)}
        if same := self._speeds(_key(spec, _SHAPE)):
            seconds = [_seconds(speed, spec) for speed in same]
            spread = f", {min(seconds) / median(seconds) - 1:+.0%} to {max(seconds) / median(seconds) - 1:+.0%}"
            basis = f"measured: {_count(same)} of the same shape on {_devices(same)}{spread if len(same) > 1 else ''}"
            return Estimate(median(seconds), same[0].size, basis)
        if probe := self._probes.get(_key(spec, _SHAPE)):
            basis = f"probed: some iterations on {probe.device}; validation is reckoned from them"
            return Estimate(_seconds(probe, spec), probe.size, basis)
        if alike := self._speeds(_key(spec, _ALIKE)):
            samples = spec["iterations"] * sum(use["batch_size"] for use in spec["datasets"].values())
            basis = f"rough: by the samples a second of {_count(alike)} with the same backbone on {_devices(alike)}"
            return Estimate(median(samples / speed.samples_per_second for speed in alike), alike[0].size, basis)
        return Estimate(None, None, "unknown: no finished run is like it; --probe tries some iterations")


def validations(spec: dict[str, Any]) -> int:
    """How often a run is validated."""
    every = spec["validation"]["every"]
    return -(-spec["iterations"] // every) if every else 0


def _speeds(runs: Iterable[PastRun]) -> Iterator[Speed]:
    """Of the latest runs that have one."""
    latest = sorted(runs, key=lambda run: (run.folder / "model.safetensors").stat().st_mtime, reverse=True)
    for run in [run for run in latest[: 3 * _ENOUGH] if run.provenance.get("speed")][:_ENOUGH]:
        speed, spec = run.provenance["speed"], run.parts["spec"]
        yield Speed(
            speed["iterations_per_second"],
            speed["samples_per_second"],
            speed["evaluate_seconds"] / max(1, validations(spec)),
            speed["save_seconds"],
            size(run.folder),
            run.provenance["sessions"][-1]["device"],
        )


def _seconds(speed: Speed, spec: dict[str, Any]) -> float:
    training = spec["iterations"] / speed.iterations_per_second
    return training + validations(spec) * speed.validation + speed.saving


def _key(spec: dict[str, Any], fields: Iterable[str]) -> str:
    return canonical_json({field: spec.get(field) for field in fields})


def _count(speeds: list[Speed]) -> str:
    return f"{len(speeds)} run{'s' * (len(speeds) > 1)}"


def _devices(speeds: list[Speed]) -> str:
    return " / ".join(sorted({speed.device for speed in speeds}))
