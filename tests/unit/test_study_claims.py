"""Whose claim it is, where other workers are on other machines."""

import json
import os
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from study_runs import study

from ivvit.ground import holder
from ivvit.study.claims import Claim, next_claim
from ivvit.study.job import StudyJob
from ivvit.study.records import Records


def claims_elsewhere(tmp_path: Path, count: int, stack: ExitStack) -> tuple[list[Path], StudyJob, Records]:
    """Trials whose claims look as if workers on other machines had them; their own heartbeats (every 10 s) rest."""
    job = study(tmp_path / "0123", n_trials=count + 1)
    records = Records(job)
    for _ in range(count):
        stack.enter_context(next_claim(job, records))
    paths = [job.folder / "claims" / str(number) / "lock" for number in range(count)]
    for number, path in enumerate(paths):
        path.write_text(json.dumps(json.loads(path.read_text()) | {"host": f"node{number}", "machine": "another"}))
    return paths, job, records


def beat_once(paths: list[Path]) -> threading.Timer:
    timer = threading.Timer(1.0, lambda: [os.utime(path) for path in paths])
    timer.start()
    return timer


def test_living_workers_elsewhere_are_watched_all_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each beats once: watched one after the other, all but the first would seem dead."""
    monkeypatch.setattr(holder, "WATCH_SECONDS", 5)
    with ExitStack() as stack:
        paths, job, records = claims_elsewhere(tmp_path, 4, stack)
        timer = beat_once(paths)
        claim = next_claim(job, records)
        timer.join()
        assert claim is not None and claim.number == 4, "a living worker's trial was taken, or none was made"
        claim.claim.close()


def test_a_dead_worker_elsewhere_is_watched_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holder, "WATCH_SECONDS", 4)
    with ExitStack() as stack:
        paths, job, records = claims_elsewhere(tmp_path, 4, stack)
        timer, begun = beat_once([paths[0], paths[1], paths[3]]), time.monotonic()
        claim: Claim | None = next_claim(job, records)
        seconds = time.monotonic() - begun
        timer.join()
        assert claim is not None and claim.number == 2 and claim.notes == {}
        assert 4 <= seconds < 8, "it was watched again before it was taken over"
        claim.claim.close()
