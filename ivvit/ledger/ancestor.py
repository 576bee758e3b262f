"""The finished run that a longer one may go on from."""

from typing import Any

from ivvit.identity.identity import Identity
from ivvit.identity.paths import Paths
from ivvit.ledger.past import PastRun, finished_runs


def ancestor(paths: Paths, identity: Identity, seed: int) -> PastRun | None:
    """The longest finished run that is the same in everything but its fewer iterations, or None."""
    wanted, total = _but_iterations(identity.parts), identity.parts["spec"]["iterations"]
    found = [run for run in finished_runs(paths) if run.seed == seed and _but_iterations(run.parts) == wanted]
    shorter = [run for run in found if _iterations(run) < total]
    return max(shorter, key=_iterations, default=None)


def _iterations(run: PastRun) -> int:
    return run.parts["spec"]["iterations"]


def _but_iterations(parts: dict[str, Any]) -> dict[str, Any]:
    return {**parts, "spec": {key: value for key, value in parts.get("spec", {}).items() if key != "iterations"}}
