"""The truth table: after each change, a real run does exactly the jobs that it must, and `status` foretells them."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from mutations import MUTATIONS
from workspace import SMALL_EVERYTHING, Workspace

# `make test` does these at once, with two experiments: those of a group do not touch each other.
GROUPS = {
    "nothing": [
        "a_comment_in_the_configuration", "key_order", "dataset_order", "number_notation", "runtime", "unused_dataset",
        "another_models_code", "a_comment", "a_new_unused_module", "tracking", "progress", "tables",
        "configuration_code", "command_of_a_rule", "formatting", "docstrings", "time_of_an_image",
        "memory_lost_and_results_touched", "another_torch",
    ],
    "something": ["a_layout_reader", "the_encoder", "memory_lost_and_video_added", "weights_replaced"],
}  # fmt: skip


def check(base: Workspace, names: Iterable[str], folder: Path, everything: set[str] | None = None) -> None:
    changes = [MUTATIONS[name] for name in names]
    expected = set().union(*(change.jobs for change in changes))
    workspace = base.copy(folder)
    for change in changes:
        change.apply(workspace)
    states = workspace.states()
    arguments = [argument for change in changes for argument in change.arguments]
    outcome = workspace.run(*arguments)
    assert (outcome.status, outcome.jobs) == (0, expected & (everything or expected)), outcome.text
    if "--forcerun" not in arguments:  # what only a validation that is asked for finds, nobody can foretell
        foretold(states, outcome.jobs)
    assert workspace.run().jobs == set()
    assert {row["state"] for row in workspace.states().values()} == {"fresh"}


def foretold(states: dict[str, dict], jobs: set[str]) -> None:
    """What status said before: what it called fresh is not trained, what it called stale or never run is."""
    trained = {job.removeprefix("train:") for job in jobs if job.startswith("train:")}
    pending = {name for name, row in states.items() if row["state"] == "pending"}
    due = {name for name, row in states.items() if row["settled"] in ("stale", "never run")}
    assert due <= trained <= due | pending, states


@pytest.mark.parametrize("group", GROUPS)
def test_two_experiments(group: str, small: Workspace, tmp_path: Path) -> None:
    check(small, GROUPS[group], tmp_path / "it", SMALL_EVERYTHING)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_everything(name: str, full: Workspace, tmp_path: Path) -> None:
    check(full, [name], tmp_path / "it")
