"""What status says of a run that is trained now, was interrupted, or failed."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workspace import Workspace


def started(workspace: Workspace) -> subprocess.Popen:
    """Snakemake, as soon as the training of `images` has gone on for some iterations."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--quiet", "all"]
    environment = {**os.environ, "PYTHONPATH": str(workspace.folder), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=workspace.folder, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 120
    while "left" not in " ".join(images(workspace)["why"]):
        assert process.poll() is None and time.monotonic() < end
        time.sleep(0.5)
    return process


def images(workspace: Workspace) -> dict:
    return workspace.states()["images/0"]


@pytest.mark.slow
def test_running_then_interrupted_then_failed(small: Workspace, tmp_path: Path) -> None:
    workspace = small.copy(tmp_path / "it")
    workspace.edit("config/config.yaml", "images: {", "images: {iterations: 100000, ")
    process = started(workspace)
    row = images(workspace)
    assert row["state"] == "running"
    host, progress = row["why"]
    trainer = int(re.fullmatch(re.escape(os.uname().nodename) + r", process (\d+)", host)[1])
    assert re.fullmatch(r"iteration \d+ of 100000, about .+ left", progress)
    os.kill(trainer, signal.SIGTERM)
    process.wait(60)
    assert process.returncode == 1
    row = images(workspace)
    assert row["state"] == "interrupted" and re.match(r"iteration \d+ of 100000; goes on", row["why"][0])
    workspace.edit("config/config.yaml", "images: {", "images: {optimizer: {lr: 1.0e+30}, ")
    assert workspace.python("-m", "snakemake", "--cores", "1").returncode != 0
    row = images(workspace)
    assert row["state"] == "failed" and row["why"][0].startswith("error: the loss of shades is not finite")
    assert "images" in workspace.ivvit("status", "--failed") and "joint" not in workspace.ivvit("status", "--failed")
