"""Leases of GPUs, by names alone: of jobs, of killed jobs, of jobs of several processes, of several users."""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from privileges import bound_by_permissions

from ivvit.ground.errors import UserError
from ivvit.numerics.world import World
from ivvit.runs import devices

PROGRAM = """
import os, sys, time
from contextlib import ExitStack
from ivvit.ground.ending import leave
from ivvit.runs import devices
from ivvit.runs.processes import join_world

devices._POLL_SECONDS = 0.05
world = join_world()
world.broadcast(None)
with ExitStack() as leases:
    index = devices.lease(["A", "B"], world, leases)
    os.write(1, f"{sys.argv[1]} {world.rank} {index}\\n".encode())  # whole, whoever else writes
    world.broadcast(None)
    time.sleep(0.5)
leave(0)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The leases of this test, in a folder of temporary files that all users share."""
    shared = tmp_path / "tmp"
    shared.mkdir()
    shared.chmod(0o1777)
    for parent in (tmp_path, *tmp_path.parents[:3]):
        parent.chmod(parent.stat().st_mode | 0o11)
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(shared))
    monkeypatch.setattr(devices, "_POLL_SECONDS", 0.01)
    return shared


def lease(names: list[str], user: int = 0) -> tuple[int, int]:
    """A process that leases one of the devices and keeps it; gives its number and where it tells which."""
    reader, writer = os.pipe()
    if (process := os.fork()) == 0:
        try:
            if user:
                os.setuid(user)
            with ExitStack() as leases:
                os.write(writer, str(devices.lease(names, World(), leases)).encode())
                time.sleep(60)
        except BaseException as error:
            os.write(writer, repr(error).encode())
        os._exit(0)
    os.close(writer)
    return process, reader


def end(jobs: list[tuple[int, int]]) -> None:
    for process, reader in jobs:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        os.close(reader)


def test_each_job_gets_a_device_of_its_own_and_a_killed_ones_is_free_again():
    jobs = [lease(["a", "b"]), lease(["a", "b"])]
    try:
        indices = [os.read(reader, 99) for _, reader in jobs]
        assert sorted(indices) == [b"0", b"1"]
        jobs.append(lease(["a", "b"]))
        assert not select.select([jobs[2][1]], [], [], 0.2)[0]  # it waits
        os.kill(jobs[1][0], signal.SIGKILL)
        assert os.read(jobs[2][1], 99) == indices[1]
    finally:
        end(jobs)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be several users")
def test_users_share_the_devices():
    jobs = []
    try:
        for users in ((1001, 1002), (1002, 1003)):  # each finds locks that others have made
            jobs = [lease(["a", "b"], user) for user in users]
            assert sorted(os.read(reader, 999) for _, reader in jobs) == [b"0", b"1"]
            end(jobs)
            jobs = []
    finally:
        end(jobs)


@pytest.mark.slow
def test_jobs_of_two_processes_take_turns_and_never_wait_for_each_other(folder, tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    paths = os.pathsep.join([str(Path(__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = os.environ | {"TMPDIR": str(folder), "OMP_NUM_THREADS": "1", "PYTHONPATH": paths}
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2", str(program)]
    jobs = [subprocess.Popen([*torchrun, name], env=environment, stdout=subprocess.PIPE, text=True) for name in "xy"]
    lines = sorted(line for job in jobs for line in job.communicate(timeout=600)[0].splitlines())
    assert lines == ["x 0 0", "x 1 1", "y 0 0", "y 1 1"]


def test_more_processes_than_devices_are_an_error(monkeypatch):
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "3")
    with (
        ExitStack() as leases,
        pytest.raises(UserError, match=r"3 processes were started here, where 2 GPUs can be seen"),
    ):
        devices.lease(["a", "b"], World(), leases)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_what_lies_in_the_place_of_the_leases_is_named(kind: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    place = tmp_path / "ivvit-gpus"
    if kind == "file":
        place.write_text("another's")
    else:
        (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=rf"ivvit-gpus is a {kind}"):
        devices.lease_folder()


def test_a_closed_folder_of_leases_and_a_link_in_a_lease_s_place_are_named(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    (tmp_path / "another's").write_text("as it was")
    devices.lease_folder()
    (tmp_path / "ivvit-gpus/all.lock").symlink_to(tmp_path / "another's")
    with ExitStack() as leases, pytest.raises(UserError, match=r"all\.lock is a link, in whose place a GPU is leased"):
        devices.lease(["a"], World(), leases)
    assert (tmp_path / "another's").read_text() == "as it was"
    (tmp_path / "ivvit-gpus").chmod(0o555)
    with bound_by_permissions(), pytest.raises(UserError, match=r"ivvit-gpus belongs to user \d+ and is closed to you"):
        devices.lease_folder()
