"""Comet without a network: archives of one experiment, however often a run was stopped; nothing waits."""

import json
import os
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from training_runs import data, job, stop_at, train_stopped  # noqa: F401

from ivvit.errors import UserError
from ivvit.tracking import open_tracking, upload
from ivvit.training.rows import read_rows
from ivvit.training.run import train

SETTINGS = {"evaluation": {"every": 1}, "names": ["shades"], "runtime": {"comet": True}}


@pytest.fixture(autouse=True)
def no_key(monkeypatch):
    monkeypatch.delenv("COMET_API_KEY", raising=False)


def archives(folder: Path) -> list[tuple[dict, list[dict]]]:
    """The experiment and the messages of each archive, in the order they were made."""
    found = []
    for path in sorted((folder / "state" / "comet").glob("*.zip"), key=lambda path: path.stat().st_mtime_ns):
        with zipfile.ZipFile(path) as file:
            messages = [json.loads(line) for line in file.read("messages.json").splitlines()]
            found.append((json.loads(file.read("experiment.json")), messages))
    return found


def metrics(folder: Path) -> list[tuple[str, int, float]]:
    values = [m["payload"]["metric"] for _, ms in archives(folder) for m in ms if m["type"] == "metric_msg"]
    return [(v["metricName"], v["step"], v["metricValue"]) for v in values if "/" in v["metricName"]]


def test_a_stopped_run_is_one_experiment_with_all_numbers(data, tmp_path):  # noqa: F811
    stops = train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(2, 4), tracking=open_tracking)
    assert stops == 2
    experiments = [experiment for experiment, _ in archives(tmp_path)]
    assert len(experiments) == 3 and len({e["offline_id"] for e in experiments}) == 1
    assert [e["resume_strategy"] for e in experiments] == ["create", "get", "get"]
    expected = [
        (f"{row['phase']}_{key}/shades", int(row["iteration"]), float(row[key]))
        for row in read_rows(tmp_path / "history.csv") for key in ("loss", "top1", "top5", "lr", "weight") if row[key]
    ]  # fmt: skip
    assert sorted(metrics(tmp_path)) == sorted(expected)
    parameters = [m["payload"]["param"] for m in archives(tmp_path)[0][1] if "param" in m["payload"]]
    assert {"optimizer.shades.lr": 1e-3}.items() <= {p["paramName"]: p["paramValue"] for p in parameters}.items()


def test_numbers_of_a_killed_start_are_archived_by_the_next(data, tmp_path):  # noqa: F811
    """The first start dies without a word: its archive is missing, its history is not."""
    train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(3))  # without tracking, as if killed before it
    (tmp_path / "metrics.json").unlink()
    train(job(data, tmp_path, **SETTINGS), tracking=open_tracking)
    assert {step for name, step, _ in metrics(tmp_path) if name == "train_loss/shades"} == set(range(1, 7))


def test_a_dead_network_does_not_slow_training_and_loses_nothing(data, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    monkeypatch.setenv("COMET_URL_OVERRIDE", "http://127.0.0.1:9/")  # nobody listens
    monkeypatch.setattr("ivvit.tracking.live._CLOSE_SECONDS", 0.5)
    ends = []
    start = time.monotonic()
    train(job(data, tmp_path, **SETTINGS), lambda i, m: bool(ends.append(time.monotonic())), tracking=open_tracking)
    assert ends[-1] - start < 20
    assert {step for name, step, _ in metrics(tmp_path) if name == "train_loss/shades"} == set(range(1, 7))


def test_upload_says_what_is_missing(tmp_path, monkeypatch):
    with pytest.raises(UserError, match="set COMET_API_KEY"):
        upload(tmp_path)
    monkeypatch.setenv("COMET_API_KEY", "x" * 25)
    with pytest.raises(UserError, match="no archive of a Comet experiment"):
        upload(tmp_path)


@pytest.mark.slow
def test_training_without_comet_does_not_import_it(data, tmp_path):  # noqa: F811
    code = (
        "import sys; from pathlib import Path; from training_runs import job; from ivvit.training.run import train;"
        "from ivvit.tracking import open_tracking;"
        "train(job(Path(sys.argv[1]), Path(sys.argv[2]), iterations=1), tracking=open_tracking);"
        "sys.exit('comet_ml' in sys.modules)"
    )
    paths = os.pathsep.join([str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", code, str(data), str(tmp_path)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": paths}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_tensorboard(data, tmp_path):  # noqa: F811
    wanted = job(data, tmp_path, runtime={"tensorboard": True}, names=["shades"])
    try:
        from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
    except ImportError:
        with pytest.raises(UserError, match="pip install tensorboard"):
            train(wanted, tracking=open_tracking)
        return
    train(wanted, tracking=open_tracking)
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    assert events.Scalars("val_top1/shades")[-1].step == 6
