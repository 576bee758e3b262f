"""Workflows that have run once, which the tests of what is stale copy and change."""

import pytest
from workspace import EVERYTHING, SMALL, SMALL_EVERYTHING, Workspace


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All kinds of experiments, a study among them, after a run."""
    workspace = Workspace.make(tmp_path_factory.mktemp("full") / "it")
    outcome = workspace.run()
    assert (outcome.status, outcome.jobs) == (0, EVERYTHING), outcome.text
    return workspace


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """Two experiments, after a run."""
    workspace = Workspace.make(tmp_path_factory.mktemp("small") / "it", SMALL)
    outcome = workspace.run()
    assert (outcome.status, outcome.jobs) == (0, SMALL_EVERYTHING), outcome.text
    return workspace
