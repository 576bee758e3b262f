"""Comet without a network: archives of one experiment, however often a run was stopped; nothing waits."""

import json
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from comet_server import comet_server
from training_runs import job, stop_at, train_stopped

from ivvit.ground.errors import UserError
from ivvit.runs.rows import read_rows
from ivvit.runs.run import train
from ivvit.tracking import comet, open_tracking, upload

SETTINGS = {"validation": {"every": 1}, "names": ["shades"], "runtime": {"comet": True}}


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("COMET_API_KEY", raising=False)


def archives(folder: Path) -> list[tuple[dict, list[dict]]]:
    """The experiment and the messages of each archive, in the order they were made."""
    found = []
    for path in sorted((folder / "comet").glob("*.zip"), key=lambda path: path.stat().st_mtime_ns):
        with zipfile.ZipFile(path) as file:
            messages = [json.loads(line) for line in file.read("messages.json").splitlines()]
            found.append((json.loads(file.read("experiment.json")), messages))
    return found


def metrics(folder: Path) -> list[tuple[str, int, float]]:
    values = [m["payload"]["metric"] for _, ms in archives(folder) for m in ms if m["type"] == "metric_msg"]
    return [(v["metricName"], v["step"], v["metricValue"]) for v in values if "/" in v["metricName"]]


def test_a_stopped_run_is_one_experiment_with_all_numbers(data, tmp_path):
    stops = train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(2, 4), tracking=open_tracking)
    assert stops == 2
    experiments = [experiment for experiment, _ in archives(tmp_path)]
    assert len(experiments) == 3 and len({e["offline_id"] for e in experiments}) == 1
    assert [e["resume_strategy"] for e in experiments] == ["create", "get", "get"]
    assert sorted(metrics(tmp_path)) == sorted(numbers(tmp_path))
    parameters = [m["payload"]["param"] for m in archives(tmp_path)[0][1] if "param" in m["payload"]]
    assert {"optimizer.shades.lr": 1e-3}.items() <= {p["paramName"]: p["paramValue"] for p in parameters}.items()


def test_numbers_of_a_killed_start_are_archived_by_the_next(data, tmp_path):
    """The first start dies without a word: its archive is missing, its history is not."""
    train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(3))  # without tracking, as if killed before it
    (tmp_path / "model.safetensors").unlink()
    train(job(data, tmp_path, **SETTINGS), tracking=open_tracking)
    assert {step for name, step, _ in metrics(tmp_path) if name == "train_loss/shades"} == set(range(1, 7))


def test_a_dead_network_does_not_slow_training_and_loses_nothing(data, tmp_path, monkeypatch):
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    monkeypatch.setenv("COMET_URL_OVERRIDE", "http://127.0.0.1:9/")  # nobody listens
    monkeypatch.setattr("ivvit.tracking.live._CLOSE_SECONDS", 0.5)
    connect, trained, waited = comet._connect, threading.Event(), []

    def late(*arguments):
        waited.append(trained.wait(300))
        return connect(*arguments)

    monkeypatch.setattr(comet, "_connect", late)
    train(job(data, tmp_path, **SETTINGS), lambda i, m: i == 6 and trained.set(), tracking=open_tracking)
    assert waited != [False], "training waited until Comet was there"
    assert {step for name, step, _ in metrics(tmp_path) if name == "train_loss/shades"} == set(range(1, 7))


def numbers(folder: Path) -> set[tuple[str, int, float]]:
    """What Comet should have of a run, from its history."""
    return {
        (f"{row['phase']}_{key}/{row['dataset']}", int(row["iteration"]), float(row[key]))
        for row in read_rows(folder / "history.csv") for key in ("loss", "top1", "top5", "lr", "weight") if row[key]
    }  # fmt: skip


@pytest.fixture
def server(monkeypatch):
    with comet_server() as server:
        monkeypatch.setenv("COMET_API_KEY", "x" * 25)
        monkeypatch.setenv("COMET_URL_OVERRIDE", server.address)
        yield server


def test_a_run_online_is_one_experiment_after_a_stop_too(data, tmp_path, server):
    train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(3), tracking=open_tracking)
    (key,) = server.metrics()
    assert server.starts() == [("add", key), ("get", key)]
    sent, expected = server.metrics()[key], numbers(tmp_path)
    assert {(name, step): value for name, step, value in sent} == pytest.approx(
        {(name, step): value for name, step, value in expected}
    )
    assert not archives(tmp_path)


def test_upload_sends_everything_once(data, tmp_path, server, monkeypatch):
    monkeypatch.delenv("COMET_API_KEY")
    train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(3), tracking=open_tracking)
    assert not server.requests, "without a key, nothing is sent"
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    assert len(upload(tmp_path)) == 2
    (key,) = server.metrics()
    assert server.starts() == [("add", key), ("get", key)]
    assert server.metrics()[key] == numbers(tmp_path)
    with pytest.raises(UserError, match="no archive of a Comet experiment"):
        upload(tmp_path)


def test_an_archive_that_comet_refuses_is_kept(data, tmp_path, server, monkeypatch):
    monkeypatch.delenv("COMET_API_KEY")
    train(job(data, tmp_path, **SETTINGS), tracking=open_tracking)
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    server.status = 400
    with pytest.raises(UserError, match=r"Comet did not accept .*zip; check COMET_API_KEY and the network"):
        upload(tmp_path)
    assert len(archives(tmp_path)) == 1


def test_upload_says_what_is_missing(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="set COMET_API_KEY"):
        upload(tmp_path)
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    with pytest.raises(UserError, match="no archive of a Comet experiment"):
        upload(tmp_path)


@pytest.mark.slow
def test_training_without_comet_does_not_import_it(data, tmp_path):
    code = (
        "import sys; from pathlib import Path; from training_runs import job; from ivvit.runs.run import train;"
        "from ivvit.tracking import open_tracking;"
        "train(job(Path(sys.argv[1]), Path(sys.argv[2]), iterations=1), tracking=open_tracking);"
        "sys.exit('comet_ml' in sys.modules)"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", code, str(data), str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
