"""The truth table: after each change, a real run does exactly the jobs that it must, and `status` foretells them."""

import re
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
        "configuration_code", "command_of_a_rule", "formatting", "docstrings", "another_torch",
        "module_moved", "messages_reworded",
        "layer_ground", "layer_config", "layer_data", "layer_runs", "layer_study", "layer_demo", "layer_identity",
        "layer_planning", "layer_ledger", "layer_cli",
    ],
    "validation": ["memory_lost_and_results_touched", "times_of_all_data"],
    "something": ["a_layout_reader", "the_encoder", "memory_lost_and_video_added", "weights_replaced"],
    "replaced": ["video_copied_over_another", "manifest_lost"],
}  # fmt: skip


def check(base: Workspace, names: Iterable[str], folder: Path, everything: set[str] | None = None) -> None:
    changes = [MUTATIONS[name] for name in names]
    expected = set().union(*(change.jobs for change in changes))
    workspace = base.copy(folder)
    for change in changes:
        change.apply(workspace)
    states = workspace.states()
    arguments = [argument for change in changes for argument in change.arguments]
    if not any(row["state"] == "pending" for row in states.values()):
        assert planned(workspace, states, arguments) == due(states)
    outcome = workspace.run(*arguments)
    assert (outcome.status, outcome.jobs) == (0, expected & (everything or expected)), outcome.text
    if "--forcerun" not in arguments:  # what only a validation that is asked for finds, nobody can foretell
        foretold(states, outcome.jobs)
    assert workspace.run().jobs == set()
    assert {row["state"] for row in workspace.states().values()} == {"fresh"}


def due(states: dict[str, dict]) -> set[tuple[str, int]]:
    """Identity and seed of all runs that status calls stale or never run."""
    return {(row["identity"], row["seed"]) for row in states.values() if row["state"] in ("stale", "never run")}


def planned(workspace: Workspace, states: dict[str, dict], arguments: Iterable[str]) -> set[tuple[str, int]]:
    """Identity and seed of all runs that `snakemake -n` would train."""
    dry = workspace.python("-m", "snakemake", "-n", "--cores", "1", *arguments)
    assert dry.returncode == 0, dry.stderr
    rows = [states[f"{name}/{seed}"] for name, seed in re.findall(r": Training (.+), seed (\d+)$", dry.stdout, re.M)]
    return {(row["identity"], row["seed"]) for row in rows}


def foretold(states: dict[str, dict], jobs: set[str]) -> None:
    """What status said before: what it called fresh is not trained, what it called stale or never run is."""
    trained = {job.removeprefix("train:") for job in jobs if job.startswith("train:")}
    pending = {name for name, row in states.items() if row["state"] == "pending"}
    surely = {name for name, row in states.items() if row["settled"] in ("stale", "never run")}
    assert surely <= trained <= surely | pending, states


@pytest.mark.parametrize(
    "group", [group if group != "replaced" else pytest.param(group, marks=pytest.mark.slow) for group in GROUPS]
)
def test_two_experiments(group: str, small: Workspace, tmp_path: Path) -> None:
    check(small, GROUPS[group], tmp_path / "it", SMALL_EVERYTHING)


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTATIONS)
def test_everything(name: str, full: Workspace, tmp_path: Path) -> None:
    check(full, [name], tmp_path / "it")
