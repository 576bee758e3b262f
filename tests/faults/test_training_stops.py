"""A request to stop reaches every process of a run at once, at any moment; the run saves and ends."""

import os
import signal
from pathlib import Path

import pytest
from slow_run import loaders, rows, start, until
from training_runs import data  # noqa: F401

from ivvit.data.batches import STOP_SIGNALS
from ivvit.training.checkpoint import load_checkpoint

STOPPED = 75


def saved(folder: Path) -> int:
    return load_checkpoint(folder / "state")["iteration"]


def test_loaders_do_not_hear_what_stops_a_run(data, tmp_path):  # noqa: F811
    run = start(data, tmp_path, {"train": 0.05})
    until(run, lambda: rows(tmp_path) > 1)
    family = loaders(run)
    assert len(family) >= 3, "a worker, the fork server, and the resource tracker"
    for process in family:
        for number in STOP_SIGNALS:
            process.send_signal(number)
    before = rows(tmp_path)
    until(run, lambda: rows(tmp_path) > before + 20)
    assert all(process.is_running() for process in family)
    os.killpg(run.pid, signal.SIGHUP)
    message = run.communicate(timeout=60)[1]
    assert run.returncode == STOPPED and "received SIGHUP" in message, message
    assert saved(tmp_path) > before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_to_all_of_several_processes(number, data, tmp_path):  # noqa: F811
    run = start(data, tmp_path, {"train": 1.0}, processes=2, runtime={"workers": 1, "gpus": 2})
    until(run, lambda: len(loaders(run)) >= 6)
    os.killpg(run.pid, number)
    message = run.communicate(timeout=120)[1]
    assert run.returncode == STOPPED and "the state is saved" in message, message
    assert saved(tmp_path) >= 1
