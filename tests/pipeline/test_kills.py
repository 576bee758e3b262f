"""Kills at any place of the chain, from validation to the tables: the results are equal to the bit.

Those of studies are in tests/faults/test_study_kills.py.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workspace import SMALL, Workspace

ROUNDS = 20
FILES = ("model.safetensors", "history.csv", "experiment.yaml", "metrics.json", "predictions.parquet")


def made(workspace: Workspace) -> int:
    """How many files there are in results/ by now."""
    return sum(1 for _ in (workspace / "results").rglob("*"))


def killed(workspace: Workspace, growth: int) -> bool:
    """Start the workflow and kill it with all its jobs when there are so many more files; False if it ended before."""
    environment = {**os.environ, "PYTHONPATH": str(workspace.folder), "OMP_NUM_THREADS": "1"}
    environment.pop("IVVIT_CONFIG", None)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--rerun-incomplete"]
    before = made(workspace)
    process = subprocess.Popen(
        command, cwd=workspace.folder, env=environment, start_new_session=True, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    while process.poll() is None and made(workspace) < before + growth:
        time.sleep(0.05)
    ended = process.poll() is not None
    if not ended:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    workspace.python("-m", "snakemake", "--unlock")
    return not ended


def results(workspace: Workspace) -> dict[str, bytes]:
    """What people look for, by its name: the same in another folder."""
    files = (workspace / "results/experiments").glob("*/seed*/*")
    return {str(file.relative_to(workspace.folder)): file.read_bytes() for file in files if file.name in FILES}


@pytest.mark.slow
def test_twenty_kills_change_no_bit(tmp_path: Path) -> None:
    one = Workspace.make(tmp_path / "one", SMALL)
    other = one.copy(tmp_path / "other")
    assert one.run().status == 0
    kills = sum(killed(other, growth=1 + number % 5) for number in range(ROUNDS))
    assert kills >= ROUNDS // 2  # the chain may be done before the last rounds
    last = other.run("--rerun-incomplete")
    assert last.status == 0, last.text
    expected = results(one)
    assert len(expected) == 2 * len(FILES)
    assert results(other) == expected
    assert "all finished results are as they were written" in other.ivvit("validate", "--results")
