"""Studies of real trainings: a killed worker's trial is gone on with, and under torchrun all processes follow."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import study_runs
from study_runs import engine_study, outcome, trials

from ivvit.cli.study import work as tracked_work
from ivvit.study.worker import work

ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1"}
LAUNCH = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
PROGRAM = [study_runs.__file__]


def worker(data: Path, folder: Path, n_trials: int, launch: list[str], **options: Any) -> subprocess.Popen:
    """Start a worker in a process of its own."""
    command = [sys.executable, *launch, *PROGRAM, str(data), str(folder), str(n_trials), json.dumps(options)]
    return subprocess.Popen(command, env=ENVIRONMENT)


def test_killed_trial_goes_on_where_it_stood(data: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole" / "0123", tmp_path / "killed" / "0123"
    jobs = [engine_study(data, folder, 2, pruner="median") for folder in (whole, killed)]
    work(jobs[0])
    process = worker(data, killed, 2, [], pruner="median", pause=0.5)
    deadline = time.monotonic() + 60
    while not list(killed.glob("trials/0/state/*.ckpt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not (killed / "trials/0/model.safetensors").exists()
    work(jobs[1])
    assert re.search("going on from iteration [1-5] of 6", (killed / "trials/0/train.log").read_text())
    assert outcome(jobs[0]) == outcome(jobs[1])
    assert not list(killed.glob("trials/*/state")), "the state of trials that have ended is gigabytes"
    for name in ("history.csv", "model.safetensors"):
        assert (whole / "trials/0" / name).read_bytes() == (killed / "trials/0" / name).read_bytes(), name


def test_trials_are_tracked_as_any_training(
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("COMET_API_KEY", raising=False)
    job = engine_study(data, tmp_path / "0123", 2, runtime={"comet": True})
    tracked_work(job)
    keys = {(job.trial_folder(number) / "comet" / "key").read_text() for number in range(2)}
    archives = {path.stem for number in range(2) for path in (job.trial_folder(number) / "comet").glob("*.zip")}
    assert len(keys) == 2 and archives == keys, "an archive of each trial, kept when its checkpoints are removed"


@pytest.mark.slow
def test_all_processes_of_a_worker_follow(data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "0123"
    # trial 0 sets the mark; trial 1 is far worse, with a learning rate of 0.09
    options = {"pruner": {"name": "median", "startup_trials": 1}, "seed": 3, "objective": {"metric": "loss"}}
    assert worker(data, folder, 4, LAUNCH, **options).wait(240) == 0
    found = trials(engine_study(data, folder, 4, **options))
    assert {trial["state"] for trial in found} == {"COMPLETE", "PRUNED"}
    assert [sorted(map(int, trial["steps"]))[-1] < 6 for trial in found] == [t["state"] == "PRUNED" for t in found]


def test_parameters_that_do_not_train_are_an_answer(data: Path, tmp_path: Path) -> None:
    space = {"optimizer.lr": [1e-3, 1e30], "optimizer.name": ["SGD"]}
    job = engine_study(data, tmp_path / "0123", 2, space=space, sampler="grid")
    work(job)
    states = {trial["params"]["optimizer.lr"]: trial for trial in trials(job)}
    assert states[1e-3]["state"] == "COMPLETE"
    assert states[1e30]["state"] == "PRUNED" and "is not finite" in states[1e30]["user"]["diverged"]


@pytest.mark.slow
def test_parameters_that_do_not_train_under_torchrun(data: Path, tmp_path: Path) -> None:
    options = {"space": {"optimizer.lr": [1e-3, 1e30], "optimizer.name": ["SGD"]}, "sampler": "grid"}
    assert worker(data, tmp_path / "0123", 2, LAUNCH, **options).wait(240) == 0
    found = trials(engine_study(data, tmp_path / "0123", 2, **options))
    assert sorted(trial["state"] for trial in found) == ["COMPLETE", "PRUNED"]
