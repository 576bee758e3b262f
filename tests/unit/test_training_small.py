"""The small parts: rows that shrink, the job's end, leases of devices, atomic files, the line of progress."""

import os
import signal
import time
from types import SimpleNamespace

import pytest
import torch
from torch.nn.modules.module import register_module_forward_hook
from training_runs import job

from ivvit.config.resolve import Config
from ivvit.evaluation.summary import Summary
from ivvit.ground.errors import UserError
from ivvit.ground.files import write_atomically, write_text
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.trainer import Iteration
from ivvit.numerics.world import World, check_world
from ivvit.runs.history import History
from ivvit.runs.memory import enough_memory
from ivvit.runs.progress import Reporter
from ivvit.runs.rows import RowLog, read_rows
from ivvit.runs.run import train
from ivvit.runs.stop import StopRequest, job_end, watch_for_stop
from ivvit.runs.substitutes import Substitutes


def test_rows_after_the_checkpoint_and_a_torn_one_are_cut_off(tmp_path):
    path = tmp_path / "rows.csv"
    log = RowLog(path, ("iteration", "name"), lambda row: True)
    log.append([(1, "a"), (2, 'b, "quoted"')])
    log.append([(3, "c")])
    with path.open("a") as file:
        file.write('4,"d')
    again = RowLog(path, ("iteration", "name"), lambda row: int(row["iteration"]) <= 2)
    assert [row["name"] for row in read_rows(path)] == ["a", 'b, "quoted"']
    again.append([(3, "c")])
    assert [row["iteration"] for row in read_rows(path)] == ["1", "2", "3"]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file"
    write_text(path, "old")

    def fail(file):
        file.write(b"new")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_end_of_a_slurm_job_from_its_environment_or_from_squeue(monkeypatch, tmp_path):
    for name in ("SLURM_JOB_END_TIME", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)
    assert job_end() is None
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    squeue = tmp_path / "squeue"
    squeue.write_text('#!/bin/sh\n[ "$*" = "-h -j 17 -o %e" ] && echo 2030-01-02T03:04:05\n')
    squeue.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert time.localtime(job_end())[:6] == (2030, 1, 2, 3, 4, 5)
    squeue.write_text("#!/bin/sh\necho N/A\n")
    assert job_end() is None
    monkeypatch.setenv("SLURM_JOB_END_TIME", "1893553445")
    assert job_end() == 1893553445


def test_stops_are_asked_for_by_signals_and_by_the_clock(monkeypatch):
    before = signal.getsignal(signal.SIGUSR1)
    with watch_for_stop(0) as stop:
        assert stop.reason() is None
        os.kill(os.getpid(), signal.SIGUSR1)
        assert stop.reason() == "received SIGUSR1"
    assert signal.getsignal(signal.SIGUSR1) == before
    with watch_for_stop(0) as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.reason() == "received SIGINT"
        with pytest.raises(KeyboardInterrupt):  # the second time it is meant
            os.kill(os.getpid(), signal.SIGINT)
    monkeypatch.setattr("ivvit.runs.stop.time", SimpleNamespace(time=lambda: 1e9))
    monkeypatch.setenv("SLURM_JOB_END_TIME", str(1e9 + 100))
    assert StopRequest(1).reason() is None
    assert "time limit is 1.7 minutes away" in StopRequest(2).reason()


def test_lines_of_progress_say_what_matters(caplog, monkeypatch):
    caplog.set_level("INFO", "ivvit")
    now = [0.0]
    monkeypatch.setattr("ivvit.runs.progress.time.monotonic", lambda: now[0])
    reporter = Reporter("joint", 100, 200)
    now[0] = 10
    reporter.update(110, 200, {"UCF101": {"loss": 1.5}}, 2.0)
    assert not caplog.messages
    now[0] = 50
    reporter.update(150, 800, {"UCF101": {"loss": 1.25}}, 2.0)
    assert caplog.messages == ["joint: 150/200  UCF101 1.250  20.0 samples/s  0:00:50 left  2.0 GiB"]


@pytest.mark.parametrize(
    ("size", "world", "parts", "fits"), [(2, 2, 1, True), (1, 2, 1, False), (6, 2, 3, True), (6, 3, 3, False)]
)
def test_a_batch_too_small_to_be_shared_is_refused(size, world, parts, fits):
    fields = {"datasets": {"UCF101": size}, "accumulate": parts}
    experiment = Config({"experiments": {"e": fields}}, "test").experiment("e")
    if fits:
        check_world(World(0, world), experiment)
    else:
        with pytest.raises(UserError, match=f"UCF101: a batch of {size} cannot be shared by {world} processes"):
            check_world(World(0, world), experiment)


def test_substitutes_are_counted_over_all_processes_and_starts():
    records = [Record(0, "a"), Record(1, "b", substitute_for="broken")]
    batches = {"UCF101": Batch(None, None, records), "CIFAR100": Batch(None, None, records[:1])}
    first = Substitutes({}, World())
    for _ in range(2):
        first.count(batches)
    again = Substitutes(first.total(), World())
    again.count(batches)
    assert again.total() == {"UCF101": 3}


def test_history_has_a_row_per_data_set_with_means(tmp_path):
    history = History(tmp_path / "history.csv", {"UCF101": 4}, World(), 0, 0)
    step = Iteration(1, {"UCF101": torch.tensor([2.0, 1, 3])}, {"UCF101": 0.5}, {"UCF101": torch.tensor(2.0)})
    history.add(step)
    assert history.flush() == {"UCF101": {"loss": 0.5, "top1": 0.25, "top5": 0.75, "lr": 0.5, "weight": 2.0}}
    history.add_validation(1, {"UCF101": Summary(top1=0.0, top5=None, loss=1 / 3, num_samples=3)})
    assert (tmp_path / "history.csv").read_text().splitlines() == [
        "iteration,phase,dataset,loss,top1,top5,lr,weight",
        "1,train,UCF101,0.5,0.25,0.75,0.5,2",
        "1,val,UCF101,0.333333333,0,,,",
    ]


def test_when_memory_runs_out_the_error_says_what_to_lower():
    wanted = pytest.raises(UserError, match=r"too little memory \(CUDA out of memory\); lower validation.batch_size")
    with wanted, enough_memory("validation.batch_size"):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")


@pytest.mark.parametrize("on", [False, True])
def test_the_key_for_gradient_checkpointing_computes_blocks_twice(on, data, tmp_path):
    calls = []
    hook = register_module_forward_hook(lambda module, *_: calls.append(type(module).__name__ == "Attention"))
    try:
        train(job(data, tmp_path, iterations=1, runtime={"grad_checkpointing": on}))
    finally:
        hook.remove()
    assert sum(calls) == 2 * 2 * (2 if on else 1)  # blocks and data sets
