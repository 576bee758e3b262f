"""TensorBoard's event files: all numbers of history.csv, and no failure of a training."""

import sys

import pytest
from training_runs import job, stop_at, train_stopped

from ivvit.cli.jobs import link_run
from ivvit.ground.errors import UserError
from ivvit.identity.paths import Paths
from ivvit.runs.rows import read_rows
from ivvit.runs.run import train
from ivvit.tracking import open_tracking

SETTINGS = {"runtime": {"tensorboard": True}, "names": ["shades"], "validation": {"every": 1}}


def test_all_numbers_of_a_stopped_run(data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    assert train_stopped(lambda _: job(data, tmp_path, **SETTINGS), stop_at(3), tracking=open_tracking) == 1
    events = EventAccumulator(str(tmp_path / "tensorboard"))
    events.Reload()
    found = {
        (name, event.step): event.value for name in events.Tags()["scalars"] for event in events.Scalars(name)
    }  # fmt: skip
    expected = {
        (f"{row['phase']}_{key}/{row['dataset']}", int(row["iteration"])): float(row[key])
        for row in read_rows(tmp_path / "history.csv")
        for key in ("loss", "top1", "top5", "lr", "weight")
        if row[key]
    }
    assert {name for name, _ in expected} >= {"train_loss/shades", "val_loss/shades", "val_top1/shades"}
    assert found == pytest.approx(expected)


def test_it_is_not_installed(data, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # what Python does where it is not there
    with pytest.raises(UserError, match=r"pip install tensorboard"):
        train(job(data, tmp_path, **SETTINGS), tracking=open_tracking)


@pytest.mark.parametrize("tracker", ["tensorboard", "comet"])
def test_a_tracker_that_cannot_write_does_not_fail_a_training(data, tmp_path, caplog, monkeypatch, tracker):
    monkeypatch.delenv("COMET_API_KEY", raising=False)
    (tmp_path / tracker).write_text("a file in the place of a folder")
    train(job(data, tmp_path, **SETTINGS | {"runtime": {tracker: True}}), tracking=open_tracking)
    assert (tmp_path / "model.safetensors").is_file()
    assert len([line for line in caplog.messages if "history.csv" in line]) == 1


def test_its_events_have_the_experiments_name(tmp_path):
    paths, place = Paths(tmp_path), tmp_path / "experiments/joint/seed0/tensorboard"
    link_run(paths, "joint", 0, "a" * 16, "e" * 16, tensorboard=True)
    events = paths.run("a" * 16, 0) / "tensorboard"
    events.mkdir(parents=True)
    assert place.resolve() == events
    link_run(paths, "joint", 0, "b" * 16, "e" * 16)
    assert not place.is_symlink(), "another run's events would be shown as this one's"
    link_run(paths, "joint", 0, "a" * 16, "e" * 16)
    assert place.resolve() == events
