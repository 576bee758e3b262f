"""One process per run: a living holder refuses others, a dead one does not block for ever."""

import json
import os
import re
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from clock import Clock, touch_later

from ivvit.ground import holder as holders
from ivvit.ground import lock
from ivvit.ground.errors import UserError
from ivvit.ground.holder import is_held
from ivvit.ground.lock import run_lock, unheld

HOLD = """
import sys
from pathlib import Path
from ivvit.ground.lock import run_lock
with run_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "run" / "state" / "lock"


@pytest.fixture
def clock(monkeypatch) -> Clock:
    monkeypatch.setattr(lock, "time", clock := Clock())
    return clock


@pytest.fixture
def holder(path):
    with subprocess.Popen([sys.executable, "-c", HOLD, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        yield process
        process.kill()


def test_the_second_process_is_told_who_holds_the_run(path, holder):
    with pytest.raises(UserError) as refused, run_lock(path):
        pass
    assert f"process {holder.pid} on {os.uname().nodename}" in str(refused.value)
    assert str(path.parents[1]) in str(refused.value)


def test_a_slurm_job_is_named_as_scancel_takes_it(path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "8")
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "8")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    with run_lock(path):
        assert str(holders.holder(path)) == f"{os.uname().nodename}, process {os.getpid()}, Slurm job 8_3"
        with pytest.raises(UserError, match=r"Slurm job 8_3 \(since .*`scancel 8_3`"), run_lock(path):
            pass


def test_a_killed_holder_does_not_block(path, holder):
    holder.kill()
    holder.wait()
    with run_lock(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def change(path: Path, **values) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def test_a_later_process_with_the_same_number_is_told_apart(path, holder):
    change(path, started="12345")
    with run_lock(path):
        pass


def test_a_dead_holder_on_another_machine_is_found_out_by_its_heartbeat(path, holder, clock):
    change(path, host="node7", machine="another")
    with run_lock(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert clock.now >= lock.WATCH_SECONDS


def test_a_living_holder_on_another_machine_is_left_alone(path, holder, clock):
    change(path, host="node7", machine="another")
    clock.at(lock.WATCH_SECONDS - 5, lambda: touch_later([path]))
    with pytest.raises(UserError, match=f"process {holder.pid} on node7"), run_lock(path):
        pass


def test_a_holder_that_beats_again_after_the_watch_is_left_alone(path, holder, clock):
    change(path, host="node7", machine="another")
    found = unheld([path, path.with_name("none")])
    assert list(found) == [path, path.with_name("none")] and found[path.with_name("none")] is None
    touch_later([path])
    clock.at(clock.now + 10, lambda: touch_later([path]))
    with pytest.raises(UserError, match="on node7"), run_lock(path, found[path]):
        pass


def test_the_heartbeat_beats_and_notices_a_successor(path, monkeypatch):
    monkeypatch.setattr(lock, "BEAT_SECONDS", 0.02)
    with run_lock(path) as lost:
        first = path.stat().st_mtime_ns
        while path.stat().st_mtime_ns == first:
            time.sleep(0.01)
        assert not lost.is_set()
        change(path, token="another")
        assert lost.wait(60)
    assert path.exists()  # it is the successor's


def test_an_empty_lock_blocks_only_while_it_may_be_a_new_one(path, clock):
    path.parent.mkdir(parents=True)
    path.touch()
    with run_lock(path):
        pass


def test_of_many_one_gets_a_dead_holders_lock(path, holder):
    holder.kill()
    holder.wait()
    start, release, outcomes = threading.Barrier(8), threading.Event(), []

    def contend() -> None:
        start.wait()
        try:
            with run_lock(path):
                outcomes.append("held")
                release.wait(300)
        except UserError:
            outcomes.append("refused")
        if len(outcomes) == 8:
            release.set()

    threads = [threading.Thread(target=contend) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(outcomes) < 8:
        time.sleep(0.01)  # a busy loop would keep the others from their turn
    release.set()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["held"] + ["refused"] * 7


ELSEWHERE = {"another host": {"host": "node7"}, "another boot or container": {"machine": "another"}}


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_holder_elsewhere_is_told_by_its_heartbeat(path, holder, changes):
    change(path, **changes)
    found = holders.holder(path)
    assert found is not None and found.pid == holder.pid and found.silent_since is None
    assert "heartbeat" not in str(found)


@pytest.mark.parametrize("changes", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_heartbeat_lost_is_a_third_answer_that_counts_as_alive(path, holder, changes):
    change(path, **changes)
    os.utime(path, (1e9, 1e9))
    found = holders.holder(path)
    assert found is not None and found.silent_since == 1e9 and is_held(path)
    assert re.search(rf"process {holder.pid}.*, heartbeat lost since 2001-09-0", str(found))


def test_a_dead_holder_of_this_machine_is_dead_at_once_however_fresh_its_heartbeat(path, holder):
    assert is_held(path) and holders.holder(path).silent_since is None
    os.utime(path, (1e9, 1e9))
    assert is_held(path), "here, the process tells and not its heartbeat"
    change(path, started="12345")  # a later process has its number
    assert not is_held(path)
    holder.kill()
    holder.wait()
    assert not is_held(path)


def test_a_zombie_is_dead(path, holder):
    holder.kill()
    while not Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].startswith(" Z"):
        time.sleep(0.01)
    assert not is_held(path)


HALF = ["", "{", '{"host": "node7"', "null", "[]", "8", '{"host": "node7"}', '{"host": 1, "pid": "x"}', "\0\0\0"]


@pytest.mark.parametrize("content", HALF)
def test_a_half_written_lock_stops_nothing(path, content, clock):
    path.parent.mkdir(parents=True)
    path.write_text(content)
    assert is_held(path), "somebody may be filling it in"
    os.utime(path, (1e9, 1e9))
    assert not is_held(path)
    assert list(unheld([path])) == [path]
    with run_lock(path):
        assert holders.holder(path).pid == os.getpid()
    assert not path.exists()


def test_no_lock_has_no_holder(path):
    assert holders.holder(path) is None and not is_held(path)
    path.parent.parent.mkdir(parents=True)
    path.parent.touch()  # a file in the place of a folder
    assert not is_held(path)


def test_a_lock_that_cannot_be_filled_in_is_not_left_behind(path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
    try:
        with pytest.raises(UserError, match=f"cannot write {path}: File too large"), run_lock(path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert not path.exists()
