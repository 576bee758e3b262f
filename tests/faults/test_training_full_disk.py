"""A disk that is full for a while costs nothing. A limit on the size of files stands for it: the errors are real."""

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from training_runs import job

from ivvit.ground.errors import UserError
from ivvit.runs.rows import RowLog
from ivvit.runs.run import train


@contextmanager
def disk() -> Iterator[Callable[[int | None], None]]:
    """Gives what sets the largest size of a file; None for any. Ends within a test: pytest writes files, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        yield lambda size: resource.setrlimit(resource.RLIMIT_FSIZE, (soft if size is None else size, hard))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)


def test_rows_wait_for_room_and_come_once(tmp_path, caplog):
    file = tmp_path / "rows.csv"
    log = RowLog(file, ("a", "b"), lambda row: True)
    log.append([(1, 2)])
    before = file.read_bytes()
    with disk() as limit:
        limit(len(before) + 6)  # a row and a half
        for number in range(3):
            log.append([(number, 7), (number, 8)])
            assert file.read_bytes() == before and log.behind()
        assert len(caplog.messages) == 1 and f"{file} cannot be written (File too large)" in caplog.messages[0]
        with pytest.raises(UserError, match=rf"{file}: 6 rows cannot be written .*make room on the disk of {tmp_path}"):
            log.flush_pending()
    log.append([(3, 9)])
    log.flush_pending()
    assert not log.behind()
    assert file.read_text() == "a,b\n1,2\n0,7\n0,8\n1,7\n1,8\n2,7\n2,8\n3,9\n"


SETTINGS = {"names": ["shades"], "validation": {"every": 1}, "runtime": {"checkpoint_minutes": 1e-9}}


def test_training_goes_on_while_the_disk_is_full(data, tmp_path):
    whole, full = tmp_path / "whole", tmp_path / "full"
    train(job(data, whole, **SETTINGS))
    with disk() as limit:
        train(job(data, full, **SETTINGS), lambda iteration, _: bool(limit(64 if iteration < 5 else None)))
    for name in ("history.csv", "model.safetensors"):
        assert (whole / name).read_bytes() == (full / name).read_bytes(), name


def test_what_was_wrong_first_is_said_though_the_disk_is_full(data, tmp_path):
    def fail(iteration: int, metrics: dict) -> bool:
        limit(64)
        raise RuntimeError("the first error")

    with pytest.raises(RuntimeError, match="the first error"), disk() as limit:
        train(job(data, tmp_path, **SETTINGS), fail)


def test_a_disk_that_stays_full_is_named_at_the_end(data, tmp_path):
    wanted = pytest.raises(UserError, match=r"history.csv: \d+ rows cannot be written .*make room on the disk")
    with wanted, disk() as limit:
        train(job(data, tmp_path, **SETTINGS), lambda *_: bool(limit(64)))
