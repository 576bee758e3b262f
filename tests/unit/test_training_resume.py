"""A run that was stopped and goes on ends in the same bits as one that was not."""

import json
from pathlib import Path

import pytest
from training_runs import TINY, job, same_bits, stop_at, train_stopped

from ivvit.ground.errors import UserError
from ivvit.runs.checkpoint import checkpoints, load_checkpoint
from ivvit.runs.job import Interrupted
from ivvit.runs.model_file import read_card
from ivvit.runs.run import train

RESULTS = ("history.csv", "model.safetensors", "experiment.yaml")
DROPPING = TINY | {"drop_path_rate": 0.2, "proj_drop_rate": 0.1}
SETTINGS = {
    "cumulative": {"backbone": DROPPING, "ema": 0.9},
    "sequential-sgd": {"update_rule": "sequential", "optimizer": {"name": "SGD", "lr": 0.01},
                       "loss_weighting": "uncertainty", "backbone": DROPPING},
    "joint-dwa": {"update_rule": "joint", "loss_weighting": {"name": "dwa", "window": 1}, "accumulate": 2},
    "fp16-best": {"precision": "fp16", "validation": {"every": 1, "keep": "best"}, "grad_clip": 1.0},
    "bf16-weighted": {"precision": "bf16", "task_schedule": "weighted", "layer_decay": 0.8, "freeze": 1,
                      "datasets": {"shades": {"batch_size": 4, "task_weight": 3.0}, "moves": 2}},
    "recipes": {"update_rule": "joint", "gradient_surgery": "pcgrad", "ema": 0.9, "ema_warmup": True,
                "model": {"name": "AIM", "head": "attentive"}, "freeze": "all", "normalize": "imagenet",
                "optimizer": {"name": "lamb", "lr": 1e-3, "no_decay": True}, "interpolation": "bicubic",
                "lr_schedule": {"min_factor": 0.1}, "runtime": {"grad_checkpointing": True},
                "recipe": {"label_smoothing": 0.1, "mixup": 0.2, "cutmix": 1.0, "rand_augment": 9,
                           "random_erasing": 0.25, "repeats": 2}},
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_a_stopped_run_ends_in_the_same_bits(name, data, tmp_path):
    settings = {"validation": {"every": 1}} | SETTINGS[name]
    one, two = tmp_path / "one", tmp_path / "two"
    train(job(data, one, **settings), sample_log=one / "samples.csv")
    stops = train_stopped(lambda _: job(data, two, **settings), stop_at(2, 5), sample_log=two / "samples.csv")
    assert stops == 2
    for file in (*RESULTS, "samples.csv"):
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    assert load_checkpoint(one / "state")["iteration"] == 6
    same_bits(load_checkpoint(one / "state"), load_checkpoint(two / "state"))


def test_the_number_of_workers_may_change_in_between(data, tmp_path):
    one, two = tmp_path / "one", tmp_path / "two"
    train(job(data, one, validation={"every": 2}))
    train_stopped(lambda n: job(data, two, validation={"every": 2}, runtime={"workers": n}), stop_at(2), workers=(1, 0))
    for file in RESULTS:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_a_stop_in_the_middle_of_an_evaluation_is_made_up_for(data, tmp_path):
    """The last evaluation finds the signal of the one before it pending, before it has begun."""
    one, two = tmp_path / "one", tmp_path / "two"
    settings = {"validation": {"every": 5}, "ema": 0.5}
    train(job(data, one, **settings))
    assert train_stopped(lambda _: job(data, two, **settings), stop_at(5)) == 1
    for file in RESULTS:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_a_finished_run_is_not_trained_again(data, tmp_path):
    first = train(job(data, tmp_path, validation={"every": 3}))
    times = {file: (tmp_path / file).stat().st_mtime_ns for file in RESULTS}
    again = train(job(data, tmp_path, validation={"every": 3}))
    assert again.metrics == first.metrics == read_card(tmp_path / "model.safetensors").validation is not None
    assert times == {file: (tmp_path / file).stat().st_mtime_ns for file in RESULTS}


def interrupted(data: Path, folder: Path, at: int = 3, **settings) -> None:
    with pytest.raises(Interrupted):
        train(job(data, folder, validation={"every": 1}, **settings), stop_at(at))


def test_the_state_of_another_experiment_is_refused(data, tmp_path):
    interrupted(data, tmp_path)
    with pytest.raises(UserError, match=r"another run: spec.ema is None there and 0\.5 now"):
        train(job(data, tmp_path, validation={"every": 1}, ema=0.5))
    with pytest.raises(UserError, match="another run: seed is 0 there and 1 now"):
        train(job(data, tmp_path, validation={"every": 1}, seed=1))


@pytest.mark.parametrize("damage", ["truncated", "empty", "flipped"])
def test_a_damaged_checkpoint_is_passed_over(damage, data, tmp_path, caplog):
    one, two = tmp_path / "one", tmp_path / "two"
    train(job(data, one, validation={"every": 1}))
    interrupted(data, two, at=2)
    with pytest.raises(Interrupted):
        train(job(data, two, validation={"every": 1}), stop_at(4))
    newest = checkpoints(two / "state")[-1]
    content = bytearray(newest.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
    newest.write_bytes({"truncated": content[: len(content) // 2], "empty": b""}.get(damage, content))
    train(job(data, two, validation={"every": 1}))
    assert f"{newest} is damaged" in caplog.text
    assert json.loads((two / "provenance.json").read_text())["sessions"][-1]["from_iteration"] == 3
    for file in RESULTS:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


def test_two_checkpoints_are_kept_while_it_trains(data, tmp_path):
    with pytest.raises(Interrupted):
        train(job(data, tmp_path, validation={"every": 1}, runtime={"checkpoint_minutes": 1e-9}), stop_at(5))
    assert [int(path.name.split("-")[0]) for path in checkpoints(tmp_path / "state")] == [5, 6]


def test_a_finished_run_whose_metrics_were_removed_is_not_trained_again(data, tmp_path):
    """As Snakemake does before a job that was queued while another one finished the run."""
    train(job(data, tmp_path))
    before = (tmp_path / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").unlink()
    train(job(data, tmp_path))
    assert (tmp_path / "model.safetensors").read_bytes() == before
    sessions = json.loads((tmp_path / "provenance.json").read_text())["sessions"]
    assert [session["from_iteration"] for session in sessions] == [0, 6]
