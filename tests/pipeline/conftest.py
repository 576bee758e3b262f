"""Workflows that have run once, which the tests of what is stale copy and change."""

import pytest
from filelock import FileLock
from workspace import EVERYTHING, SMALL, SMALL_EVERYTHING, Workspace


@pytest.fixture(scope="session")
def full(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """All kinds of experiments, a study among them, after a run."""
    workspace = Workspace.make(tmp_path_factory.mktemp("full") / "it")
    outcome = workspace.run()
    assert (outcome.status, outcome.jobs) == (0, EVERYTHING), outcome.text
    return workspace


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Workspace:
    """Two experiments, after a run; of several processes of pytest-xdist the first that asks makes it for all."""
    base = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    with FileLock(base / "small.lock"):
        if not (base / "small.done").exists():
            workspace = Workspace.make(base / "small", SMALL)
            outcome = workspace.run()
            assert (outcome.status, outcome.jobs) == (0, SMALL_EVERYTHING), outcome.text
            (base / "small.done").touch()
    return Workspace(base / "small").copy(tmp_path_factory.mktemp("small") / "it")
