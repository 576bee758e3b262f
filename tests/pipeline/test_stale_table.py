"""The truth table: after each change, a real run does exactly the jobs that it must, and `status` foretells them."""

from pathlib import Path

import pytest
from mutations import MUTATIONS
from workspace import SMALL_EVERYTHING, Workspace

# These run with two experiments in `make test`; all of them run with everything in `make test-all`.
QUICK = (
    "weight_decay_of_all",
    "memory_lost_and_video_added",
    "memory_lost_and_results_touched",
    "weights_replaced",
    "another_models_code",
    "a_layout_reader",
    "no_profile",
)


def check(base: Workspace, name: str, folder: Path, everything: set[str] | None = None) -> None:
    change = MUTATIONS[name]
    expected = change.jobs if everything is None else change.jobs & everything
    workspace = base.copy(folder)
    change.apply(workspace)
    states = workspace.states()
    outcome = workspace.run(*change.arguments)
    assert (outcome.status, outcome.jobs) == (0, expected), outcome.text
    if "--forcerun" not in change.arguments:  # what only a validation that is asked for finds, nobody can foretell
        foretold(states, outcome.jobs)
    assert workspace.run().jobs == set()
    assert {row["state"] for row in workspace.states().values()} == {"fresh"}


def foretold(states: dict[str, dict], jobs: set[str]) -> None:
    """What status said before: what it called fresh is not trained, what it called stale or never run is."""
    trained = {job.removeprefix("train:") for job in jobs if job.startswith("train:")}
    pending = {name for name, row in states.items() if row["state"] == "pending"}
    due = {name for name, row in states.items() if row["state"] in ("stale", "never run")}
    assert due <= trained <= due | pending, states


@pytest.mark.parametrize("name", QUICK)
def test_two_experiments(name: str, small: Workspace, tmp_path: Path) -> None:
    check(small, name, tmp_path / "it", SMALL_EVERYTHING)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_everything(name: str, full: Workspace, tmp_path: Path) -> None:
    check(full, name, tmp_path / "it")
