"""A Slurm of two nodes on this machine, and one project on it that has been through the trimmed demo."""

import importlib.util
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import HERE, Project, Started

_NO_SLURM = 69  # as slurm-up.sh says it


@pytest.fixture(scope="session")
def cluster() -> Iterator[None]:
    """Slurm, for as long as these tests take."""
    if reason := _impossible():
        pytest.skip(reason)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whatever ends pytest, Slurm goes down too
    environment = os.environ | {"SLURM_NODES": "2", "SLURM_FAKE_GPUS": "2"}
    try:
        up = subprocess.run(["bash", HERE / "slurm-up.sh"], env=environment, capture_output=True, text=True)
        if up.returncode == _NO_SLURM:
            pytest.skip(up.stderr.strip())
        assert up.returncode == 0, up.stdout + up.stderr
        yield
    finally:
        for process in Started.all:
            process.kill()
        subprocess.run(["bash", HERE / "slurm-down.sh"], check=True)


@pytest.fixture(scope="session")
def demo(cluster: None, tmp_path_factory: pytest.TempPathFactory) -> tuple[Project, str, str]:
    """The project after `snakemake --profile slurm`, what that said, and what a second one would do."""
    # with the profile's own rate, each snakemake would wait ten seconds after its last job
    project = Project(tmp_path_factory.mktemp("slurm") / "project", "--max-jobs-per-timespan", "100/1s")
    return project, project.run("demo.txt"), project.run("again.txt", "-n")


@pytest.fixture
def project(demo: tuple[Project, str, str]) -> Project:
    """The project, its data sets validated and its weights converted."""
    return demo[0]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line that says why, not one for each test."""
    skipped = [r for r in terminalreporter.stats.get("skipped", []) if r.nodeid.startswith("tests/slurm/")]
    for reason in sorted({report.longrepr[2] for report in skipped}):
        terminalreporter.write_line(f"the Slurm tests were skipped: {reason.removeprefix('Skipped: ')}")


def _impossible() -> str | None:
    if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
        return "the Slurm plugin is not installed: pip install -e .[slurm], or make test-slurm"
    if os.geteuid() != 0:
        return "a Slurm of one's own must be started by root"
    if Path("/etc/slurm/slurm.conf").exists() and not Path("/run/slurm-local").exists():
        return "this machine belongs to a Slurm cluster already"
    if shutil.which("slurmctld") is None and shutil.which("apt-get") is None:
        return "Slurm is not installed, and there is no apt-get to install it"
    return None
