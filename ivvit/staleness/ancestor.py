"""The finished run that a longer one may go on from, where that gives the same bits."""

from typing import Any

from ivvit.staleness.identity import Identity
from ivvit.staleness.past import PastRun, finished_runs
from ivvit.staleness.paths import Paths


def ancestor(paths: Paths, identity: Identity, seed: int) -> PastRun | None:
    """The longest finished run that is the same in everything but its fewer iterations, or None."""
    wanted, total = _but_iterations(identity.parts), identity.parts["spec"]["iterations"]
    found = [run for run in finished_runs(paths) if run.seed == seed and _but_iterations(run.parts) == wanted]
    shorter = [run for run in found if _iterations(run) < total]
    return max(shorter, key=_iterations, default=None)


def obstacle(spec: dict[str, Any], reached: int) -> str | None:
    """Why a run of `reached` iterations is not the beginning of one with this specification; None if it is.

    Args:
        spec: the longer run's canonical specification; the shorter one's differs in `iterations` only.
        reached: the shorter run's iterations.
    """
    for name, schedule in spec["lr_schedule"].items():
        if schedule["name"] == "cosine" and schedule["period"] is None:
            return f"the cosine schedule of {name} spans all iterations, so every learning rate was another one"
        if schedule["name"] == "MultiStepLR" and any(milestone < 1 for milestone in schedule["milestones"]):
            return f"milestones of {name} are fractions of all iterations; give them as iterations to go on from there"
    every = spec["evaluation"]["every"]
    if spec["evaluation"]["keep"] == "best" and (every is None or reached % every):
        return f"the best model may be that of iteration {reached}, after which a longer run is not evaluated"
    return None


def _iterations(run: PastRun) -> int:
    return run.parts["spec"]["iterations"]


def _but_iterations(parts: dict[str, Any]) -> dict[str, Any]:
    return {**parts, "spec": {key: value for key, value in parts.get("spec", {}).items() if key != "iterations"}}
