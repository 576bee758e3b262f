"""A request to stop reaches every process of a run at once, at any moment; the run saves and ends."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from slow_run import loaders, rows, start, until
from training_runs import job

from ivvit.ground.errors import STOPPED
from ivvit.runs.checkpoint import load_checkpoint
from ivvit.runs.job import Interrupted
from ivvit.runs.loader import STOP_SIGNALS
from ivvit.runs.model_file import read_card
from ivvit.runs.rows import read_rows
from ivvit.runs.run import train


def saved(folder: Path) -> int:
    return load_checkpoint(folder / "state")["iteration"]


@pytest.mark.slow
def test_loaders_do_not_hear_what_stops_a_run(data, tmp_path):
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
    message = run.communicate(timeout=600)[1]
    assert run.returncode == STOPPED and "received SIGHUP" in message, message
    assert saved(tmp_path) > before


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
def test_a_signal_to_all_of_several_processes(number, data, tmp_path):
    run = start(data, tmp_path, {"train": 1.0}, processes=2, runtime={"workers": 1, "gpus": 2})
    until(run, lambda: len(loaders(run)) >= 6)
    os.killpg(run.pid, number)
    message = run.communicate(timeout=600)[1]
    assert run.returncode == STOPPED and "the state is saved" in message, message
    assert saved(tmp_path) >= 1


@pytest.mark.slow
def test_a_stop_in_the_evaluation_of_several_processes(data, tmp_path):
    """It is heard there, and not after it, with one process ahead of the other."""
    validation = {"every": 1, "batch_size": 1}
    run = start(data, tmp_path, {"val": 2.0}, processes=2, runtime={"gpus": 2}, validation=validation)
    until(run, lambda: rows(tmp_path) >= 1)
    os.killpg(run.pid, signal.SIGTERM)
    message = run.communicate(timeout=600)[1]
    assert run.returncode == STOPPED and "stopped after 1 of" in message, message
    assert saved(tmp_path) == 1 and {row["phase"] for row in read_rows(tmp_path / "history.csv")} == {"train"}


@pytest.mark.slow
def test_processes_with_unequal_evaluations_ask_equally_often(data, tmp_path):
    shutil.copytree(data, tmp_path / "data")
    for file in sorted((tmp_path / "data/shades/val").rglob("*.png"))[:9:2]:
        file.write_bytes(b"no longer an image")
    settings = {"validation": {"every": 1, "batch_size": 1}, "options": {"max_damaged": 0.5}, "runtime": {"gpus": 2}}
    run = start(tmp_path / "data", tmp_path, {}, processes=2, iterations=2, **settings)
    message = run.communicate(timeout=600)[1]
    assert run.returncode == 0, message
    card = read_card(tmp_path / "model.safetensors")
    assert card.validation["datasets"]["shades"]["num_samples"] == 10


@pytest.mark.slow
def test_the_processes_of_a_killed_torchrun_save_and_end(data, tmp_path):
    run = start(data, tmp_path, {"train": 0.1}, processes=2, runtime={"workers": 1, "gpus": 2})
    until(run, lambda: rows(tmp_path) >= 1)
    family = psutil.Process(run.pid).children(recursive=True)
    run.kill()
    _, left = psutil.wait_procs(family, timeout=600)
    run.communicate()
    assert not left
    assert saved(tmp_path) >= 1 and not (tmp_path / "state" / "lock").exists()


def test_what_fails_while_a_run_is_to_stop_is_no_failure(data, tmp_path):
    def fail(iteration: int, metrics: dict) -> bool:
        os.kill(os.getpid(), signal.SIGUSR1)
        raise RuntimeError("a worker is gone")

    settings = {"names": ["shades"], "validation": {"every": 2}}
    with pytest.raises(Interrupted, match=r"received SIGUSR1.*RuntimeError: a worker is gone") as stopped:
        train(job(data, tmp_path, **settings), fail)
    assert isinstance(stopped.value.__cause__, RuntimeError)
    with pytest.raises(RuntimeError, match="no stop"):
        train(job(data, tmp_path, **settings), lambda *_: (_ for _ in ()).throw(RuntimeError("no stop")))


def test_a_due_checkpoint_comes_before_an_evaluation(data, tmp_path):
    def written(iteration: int, metrics: dict) -> bool:
        end = time.monotonic() + 300
        while saved(tmp_path) < iteration:  # a thread writes it
            assert time.monotonic() < end
        return True

    settings = {"names": ["shades"], "validation": {"every": 2}, "runtime": {"checkpoint_minutes": 1e-9}}
    assert train(job(data, tmp_path, **settings), written).pruned


@pytest.mark.parametrize("workers", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_a_run_that_waits_for_a_file_server_can_be_stopped(workers, data, tmp_path):
    run = start(data, tmp_path, {"train": 3600}, runtime={"workers": workers})
    until(run, lambda: (tmp_path / "experiment.yaml").exists() and len(loaders(run)) >= 3 * workers)
    os.killpg(run.pid, signal.SIGTERM)
    message = run.communicate(timeout=600)[1]
    assert run.returncode == STOPPED and "stopped after 0 of" in message, message
    assert saved(tmp_path) == 0 and not (tmp_path / "state" / "lock").exists()


def test_too_little_shared_memory_is_named(data, tmp_path):
    small = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs -o size=256k tmpfs /dev/shm && exec "$@"', "sh"]
    if subprocess.run([*small, "true"], capture_output=True).returncode:
        pytest.skip("this takes the right to mount")
    run = start(data, tmp_path, {}, command=small, datasets={"shades": 512})
    message = run.communicate(timeout=600)[1]
    assert run.returncode == 1, message
    assert "/dev/shm has only 0 MiB" in message and "--shm-size" in message and "`runtime.workers`" in message
