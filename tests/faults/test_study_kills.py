"""Workers are killed with SIGKILL, wherever they are; the study ends as if they had not been."""

import json
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import pytest
from optuna.storages.journal._storage import JournalOperation
from study_runs import ITERATIONS, SAVE, end, kill, outcome, start, study, trials

from ivvit.study.finish import finish
from ivvit.study.job import StudyJob
from ivvit.study.journal import SoundJournal

OPTIONS = {"sampler": {"name": "TPE", "startup_trials": 2}, "pruner": "hyperband"}


def kill_in_write(number: int, share: float) -> None:
    """Let this process die in its `number`th write to the journal, after a share of the bytes."""
    append, count = SoundJournal.append_logs, Counter()

    def append_or_die(self: SoundJournal, logs: list) -> None:
        count["writes"] += 1
        if count["writes"] < number:
            append(self, logs)
            return
        with self._alone, self._path.open("ab") as file:
            text = "".join(json.dumps(log) + "\n" for log in logs).encode()
            file.write(text[: int(share * len(text))])
            file.flush()
            os.kill(os.getpid(), signal.SIGKILL)

    SoundJournal.append_logs = append_or_die


def ends(job: StudyJob) -> list[int]:
    """The trials in the journal's records of ends, in order of their numbers."""
    lines = [json.loads(line) for line in (job.folder / "journal.log").open()]
    return sorted(line["trial_id"] for line in lines if line["op_code"] == JournalOperation.SET_TRIAL_STATE_VALUES)


@pytest.mark.parametrize(
    ("share", "every"), [(0.5, 4), *(pytest.param(share, 1, marks=pytest.mark.slow) for share in (0.0, 0.5))]
)
def test_one_worker_killed_in_a_write_gives_the_same_bits(tmp_path: Path, share: float, every: int) -> None:
    whole = study(tmp_path / "whole" / "0123", **OPTIONS)
    assert end(start(whole)) == 0
    expected = outcome(whole)
    assert b"PRUNED" in expected and b"COMPLETE" in expected
    writes = sum(1 for _ in (whole.folder / "journal.log").open())
    for number in range(1, writes + 1, every):
        job = study(tmp_path / f"killed-{number}" / "0123", **OPTIONS)
        assert end(start(job, prepare=lambda n=number: kill_in_write(n, share))) == -signal.SIGKILL
        assert end(start(job)) == 0
        assert outcome(job) == expected, f"killed in write {number} of {writes}"


def test_one_worker_killed_at_any_moment_gives_the_same_bits(tmp_path: Path) -> None:
    whole = study(tmp_path / "whole" / "0123", **OPTIONS)
    assert end(start(whole)) == 0
    job, rng = study(tmp_path / "killed" / "0123", **OPTIONS), random.Random(0)
    kills = 0
    while True:
        pid = start(job, pause=0.05)  # slow enough to be killed several times on a fast machine
        time.sleep(rng.uniform(0.05, 0.4))
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            assert status == 0
            break
        kill(pid)
        kills += 1
    assert kills >= 3
    assert outcome(job) == outcome(whole)


@pytest.mark.parametrize("rounds", [5, pytest.param(25, marks=pytest.mark.slow)])
def test_three_of_four_workers_killed_repeatedly(tmp_path: Path, rounds: int) -> None:
    job = study(tmp_path / "0123", n_trials=4 * rounds, sampler={"name": "TPE", "startup_trials": 4})
    rng, workers, kills = random.Random(rounds), [start(job, pause=0.01) for _ in range(4)], 0
    for _ in range(rounds):
        time.sleep(rng.uniform(0.1, 0.6))
        for index in rng.sample(range(4), 3):
            kill(workers[index])
            kills += 1
            workers[index] = start(job, pause=0.01)
    assert [end(pid) for pid in workers] == [0, 0, 0, 0]
    found = trials(job)
    assert [trial["number"] for trial in found] == list(range(job.options.n_trials))
    assert {trial["state"] for trial in found} == {"COMPLETE"}
    assert ends(job) == list(range(job.options.n_trials)), "a trial was finished more than once"
    steps = sum(len((job.trial_folder(n) / "steps.log").read_text().splitlines()) for n in range(job.options.n_trials))
    assert steps <= job.options.n_trials * ITERATIONS + kills * SAVE, "trials were restarted instead of gone on with"
    finish(job, job.folder / f"best-{job.options.n_trials}.yaml")
    best = max(found, key=lambda trial: trial["values"][0])
    text = (job.folder / f"best-{job.options.n_trials}.yaml").read_text()
    assert f"trial: {best['number']}\n" in text and f"value: {best['values'][0]!r}\n" in text


def test_survivor_takes_over_what_the_dead_left(tmp_path: Path) -> None:
    job = study(tmp_path / "0123", n_trials=4)
    dying = [start(job, pause=0.05) for _ in range(3)]
    time.sleep(0.5)
    survivor = start(job, pause=0.0)
    time.sleep(0.05)
    for pid in dying:
        kill(pid)
    assert end(survivor) == 0
    assert [trial["state"] for trial in trials(job)] == ["COMPLETE"] * 4


@pytest.mark.parametrize(("workers", "storage"), [(8, None), (2, "sqlite")])
def test_workers_start_at_once(tmp_path: Path, workers: int, storage: str | None) -> None:
    url = storage and f"sqlite:///{tmp_path}/studies.db"
    job = study(tmp_path / "0123", n_trials=2 * workers, storage=url)
    assert [end(pid) for pid in [start(job) for _ in range(workers)]] == [0] * workers
    found = trials(job)
    assert [trial["number"] for trial in found] == list(range(2 * workers))
    assert {trial["state"] for trial in found} == {"COMPLETE"}
    if storage is None:
        assert ends(job) == list(range(2 * workers))
        codes = [json.loads(line)["op_code"] for line in (job.folder / "journal.log").open()]
        created = codes.count(JournalOperation.CREATE_STUDY)
        assert created == 1, "the study was created more than once"
