"""Studies choose by what they hold out of train; the test split is not there for them."""

import csv
import os
import shutil
from pathlib import Path

import pytest
from data_sets import image_folder

from ivvit.cli import main
from ivvit.config import load_config
from ivvit.runs.model_file import read_card

CONFIG = """\
root_path: data
datasets:
  pets: {kind: image-folder, path: pets}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 2
  precision: fp32
  datasets: {pets: 2}
experiments:
  base: {model: IV-ViT}
  tuned: {extends: base, from_study: rate}
studies:
  rate: {base: base, n_trials: 2, space: {optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}, HOLDOUT}
runtime: {workers: 0, gpus: 0}
"""


def command(*arguments: str) -> int:
    return main([*arguments, "--config", "config.yaml"])


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ten images for train and four for test of each of two classes, validated."""
    image_folder(tmp_path / "data/pets", train=10, val=4)
    (tmp_path / "config.yaml").write_text(CONFIG.replace(", HOLDOUT", ""))
    monkeypatch.chdir(tmp_path)
    assert command("validate", "pets") == 0
    return tmp_path


def spoil(folder: Path) -> None:
    """Make files unreadable that look the same: without them, the data set would be another one."""
    files = list(folder.rglob("*.png"))
    assert files
    for file in files:
        status = file.stat()
        file.write_bytes(b"x" * status.st_size)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_a_study_needs_no_test_file(workspace):
    """From its first trial to its best parameters."""
    spoil(workspace / "data/pets/val")
    assert command("study", "work", "rate") == 0
    assert command("study", "finish", "rate") == 0
    trials = sorted(Path("results/studies/rate").glob("*/trials/*/model.safetensors"))
    assert len(trials) == 2
    for file in trials:
        card = read_card(file)
        assert card.validation["datasets"]["pets"]["num_samples"] == 2, "one of ten of each class"
        with (file.parent / "history.csv").open() as rows:
            (row,) = [row for row in csv.DictReader(rows) if row["phase"] == "val"]
        assert float(row["top1"]) == pytest.approx(card.validation["mean"]["top1"])
        assert not list(file.parent.rglob("metrics.json"))
    (best,) = Path("results/studies/rate").glob("*/best-2.yaml")
    values = [read_card(file).validation["mean"]["top1"] for file in trials]
    assert f"value: {max(values)}" in best.read_text()


def test_what_takes_the_best_trains_on_all_of_train(workspace):
    config = load_config("config.yaml")
    assert config.trial("rate", {}).validation.holdout.share == 0.1
    assert config.experiment("tuned", {"optimizer.lr": 1e-3}).validation.holdout is None


@pytest.mark.parametrize(("text", "share"), [("holdout: 0.25", 0.25), ("set: {validation.holdout: 0.5}", 0.5)])
def test_the_share_is_the_study_s_or_the_experiment_s_own(workspace, text, share):
    (workspace / "config.yaml").write_text(CONFIG.replace("HOLDOUT", text))
    assert load_config("config.yaml").trial("rate", {"optimizer.lr": 1e-3}).validation.holdout.share == share


def test_without_a_hold_out_or_val_trials_are_refused(workspace, capsys):
    (workspace / "config.yaml").write_text(CONFIG.replace("HOLDOUT", "holdout: null"))
    assert command("study", "work", "rate") == 2
    assert "there is no val of pets to select by" in capsys.readouterr().err


def test_a_val_of_its_own_is_used_where_there_is_one(workspace):
    """Three splits: nothing is held out, and the trials choose by val."""
    shutil.copytree(workspace / "data/pets/val", workspace / "data/pets/test")
    assert command("validate", "pets") == 0
    spoil(workspace / "data/pets/test")
    assert command("study", "work", "rate") == 0
    for file in Path("results/studies/rate").glob("*/trials/*/model.safetensors"):
        assert read_card(file).validation["datasets"]["pets"]["num_samples"] == 8
