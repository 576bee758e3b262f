"""Runs in processes of their own: two together, two against each other, a full disk, a signal, a time limit."""

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import training_runs
from safetensors.torch import load_file
from training_runs import TINY, Trainers, alive, job, stop_at

from ivvit.runs.checkpoint import checkpoints, load_checkpoint
from ivvit.runs.model_file import read_card
from ivvit.runs.rows import read_rows
from ivvit.runs.run import train

TIMEOUT = 600
PROGRAM = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from training_runs import job
from ivvit.ground.ending import leave
from ivvit.ground.errors import UserError
from ivvit.runs.run import train
folder = Path(sys.argv[3])
try:
    train(job(Path(sys.argv[2]), folder, **json.loads(sys.argv[4])), sample_log=folder / "samples.csv")
except UserError as error:
    print(f"error: {error}", file=sys.stderr)
    leave(getattr(error, "exit_code", 1))
leave(0)
"""


@pytest.fixture(scope="module")
def trainers() -> Iterator[Trainers]:
    parent = Trainers()
    yield parent
    parent.close()


def wait(process: int) -> None:
    end = time.monotonic() + TIMEOUT
    while alive(process):
        assert time.monotonic() < end
        time.sleep(0.01)


def wait_for(path: Path) -> None:
    end = time.monotonic() + TIMEOUT
    while not path.exists():
        assert time.monotonic() < end
        time.sleep(0.01)


def torchrun(processes: int, data: Path, folder: Path, **settings) -> subprocess.CompletedProcess:
    program = folder.parent / "program.py"
    program.write_text(PROGRAM)
    torchrun = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    arguments = [Path(training_runs.__file__).parent, data, folder, json.dumps(settings)]
    command = [sys.executable, *torchrun, program, *arguments]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=TIMEOUT)


def samples(folder: Path) -> list[tuple[str, ...]]:
    files = [folder / "samples.csv", folder / "samples.1.csv"]
    return sorted(tuple(row.values()) for file in files for row in read_rows(file))


def close(one: Path, two: Path) -> None:
    """Equal up to the order of sums."""
    first, second = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    for name in first:
        torch.testing.assert_close(first[name], second[name], atol=1e-5, rtol=1e-4, msg=name)
    for a, b in zip(read_rows(one / "history.csv"), read_rows(two / "history.csv"), strict=True):
        assert [a[k] for k in ("iteration", "phase", "dataset")] == [b[k] for k in ("iteration", "phase", "dataset")]
        assert float(a["loss"]) == pytest.approx(float(b["loss"]), abs=1e-4)


TOGETHER = {
    "iterations": 4, "optimizer": {"name": "SGD", "lr": 0.01}, "loss_weighting": "uncertainty", "accumulate": 2,
    "datasets": {"shades": 5, "moves": 4}, "validation": {"every": 2, "batch_size": 4}, "max_skipped": 1,
}  # fmt: skip


def test_two_processes_do_what_one_does(data, tmp_path):
    """Also what they drop, mix and augment."""
    settings = TOGETHER | {"datasets": {"shades": 8, "moves": 8}}
    settings["backbone"] = TINY | {"drop_path_rate": 0.3, "proj_drop_rate": 0.1}
    settings["recipe"] = {"mixup": 0.5, "cutmix": 1.0, "rand_augment": 9, "random_erasing": 0.5, "repeats": 2}
    one, two = tmp_path / "one", tmp_path / "two"
    train(job(data, one, **settings), sample_log=one / "samples.csv")
    done = torchrun(2, data, two, **settings)
    assert done.returncode == 0, done.stderr
    assert samples(one) == samples(two)
    close(one, two)
    cards = [read_card(folder / "model.safetensors") for folder in (one, two)]
    assert [card.validation["datasets"]["shades"]["num_samples"] for card in cards] == [15, 15]
    assert json.loads((two / "provenance.json").read_text())["sessions"][0]["processes"] == 2


@pytest.fixture
def load() -> Iterator[None]:
    """Four processes that keep the machine busy: threads of libraries then come late to where they end."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(4)]
    yield
    for process in busy:
        process.kill()
        process.wait()


@pytest.mark.slow
def test_two_processes_end_in_order_under_load(data, tmp_path, load):
    """Fifty times: gloo's threads are still at work when a run is done, and one in many processes aborted."""
    settings = {"names": ["shades"], "iterations": 2, "validation": {"every": 2, "batch_size": 4}}
    for number in range(50):
        done = torchrun(2, data, tmp_path / str(number), **settings)
        assert done.returncode == 0, f"run {number}: {done.stderr}"
        assert (tmp_path / str(number) / "model.safetensors").exists()


@pytest.mark.slow
def test_one_process_goes_on_from_the_checkpoint_of_two(data, tmp_path):
    """An odd batch of 5 is shared as 2 and 3."""
    settings = TOGETHER | {"accumulate": 1}
    one, two = tmp_path / "one", tmp_path / "two"
    train(job(data, one, **settings))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_JOB_END_TIME", str(time.time()))
        done = torchrun(2, data, two, **settings)
    assert done.returncode != 0 and "stopped after 1 of 4 iterations" in done.stderr
    train(job(data, two, **settings))
    close(one, two)
    assert [s["processes"] for s in json.loads((two / "provenance.json").read_text())["sessions"]] == [2, 1]


def test_a_second_process_is_refused(trainers, data, tmp_path):
    folder = tmp_path / "run"
    first = trainers.start(data, folder, iterations=5000)
    wait_for(folder / "experiment.yaml")
    second = trainers.start(data, folder, iterations=5000)
    wait(second)
    assert f"is being trained by process {first} on {os.uname().nodename}" in (folder / "messages.txt").read_text()
    assert alive(first)
    os.kill(first, signal.SIGTERM)
    wait(first)
    assert (folder / "status").read_text() == "75"
    assert "received SIGTERM" in (folder / "messages.txt").read_text()
    assert load_checkpoint(folder / "state")["iteration"] > 0
    assert not (folder / "state" / "lock").exists() and not (folder / "model.safetensors").exists()


def test_training_stops_before_the_time_limit(data, tmp_path, monkeypatch):
    from ivvit.runs.job import Interrupted

    monkeypatch.setattr("ivvit.runs.stop.time", SimpleNamespace(time=lambda: 1e9))
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(1e9 + 90))
    with pytest.raises(Interrupted, match=r"the job's time limit is 1\.5 minutes away"):
        train(job(data, tmp_path, runtime={"deadline_minutes": 2}))
    assert [int(path.name.split("-")[0]) for path in checkpoints(tmp_path / "state")] == [1]
    train(job(data, tmp_path, runtime={"deadline_minutes": 0.1}))


def test_a_full_disk_leaves_the_checkpoint_before_and_a_clear_message(data, tmp_path):
    """A limit on the size of files stands for the full disk: writing fails in the middle, by a real error."""
    from ivvit.ground.errors import UserError
    from ivvit.runs.job import Interrupted

    settings = {"validation": {"every": 1}, "names": ["shades"]}
    with pytest.raises(Interrupted):
        train(job(data, tmp_path, **settings), stop_at(2))
    before = checkpoints(tmp_path / "state")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (before[0].stat().st_size // 2, hard))
    try:
        with pytest.raises(UserError, match=f"cannot be written to {tmp_path / 'state'} .*File too large.* is kept"):
            train(job(data, tmp_path, **settings, runtime={"checkpoint_minutes": 1e-9}))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert "cannot be written" in (tmp_path / "train.log").read_text()
    assert [path.name for path in (tmp_path / "state").iterdir()] == [path.name for path in before]
    train(job(data, tmp_path, **settings))
    assert json.loads((tmp_path / "provenance.json").read_text())["sessions"][-1]["from_iteration"] == 3
