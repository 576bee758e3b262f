"""Whose claim it is, where other workers are on other machines."""

import json
from contextlib import ExitStack
from pathlib import Path

import pytest
from clock import Clock, touch_later
from study_runs import study

from ivvit.ground import lock
from ivvit.study.claims import Claim, next_claim
from ivvit.study.job import StudyJob
from ivvit.study.records import Records


def claims_elsewhere(tmp_path: Path, count: int, stack: ExitStack) -> tuple[list[Path], StudyJob, Records]:
    """Trials whose claims look as if workers on other machines had them; their own heartbeats rest."""
    job = study(tmp_path / "0123", n_trials=count + 1)
    records = Records(job)
    for _ in range(count):
        stack.enter_context(next_claim(job, records))
    paths = [job.folder / "claims" / str(number) / "lock" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"host": f"node{number}", "machine": "another"}))
    return paths, job, records


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setattr(lock, "BEAT_SECONDS", 3600)
    monkeypatch.setattr(lock, "time", clock := Clock())
    return clock


def test_living_workers_elsewhere_are_watched_all_at_once(tmp_path: Path, clock: Clock) -> None:
    """Each beats once: watched one after the other, all but the first would seem dead."""
    with ExitStack() as stack:
        paths, job, records = claims_elsewhere(tmp_path, 4, stack)
        clock.at(10, lambda: touch_later(paths))
        claim = next_claim(job, records)
        assert claim is not None and claim.number == 4, "a living worker's trial was taken, or none was made"
        claim.claim.close()


def test_a_dead_worker_elsewhere_is_watched_once(tmp_path: Path, clock: Clock) -> None:
    with ExitStack() as stack:
        paths, job, records = claims_elsewhere(tmp_path, 4, stack)
        clock.at(10, lambda: touch_later([paths[0], paths[1], paths[3]]))
        claim: Claim | None = next_claim(job, records)
        assert claim is not None and claim.number == 2 and claim.notes == {}
        assert lock.WATCH_SECONDS <= clock.now < lock.WATCH_SECONDS + 2, "it was watched again before it was taken over"
