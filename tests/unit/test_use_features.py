"""How frozen encoders are compared on data that they were not trained on: nearest neighbours, and a linear probe."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from data_sets import image, image_folder, video_folder
from safetensors.torch import load_file

from ivvit.cli import main
from ivvit.cli.tables import current_comparison
from ivvit.evaluation.neighbours import neighbours
from ivvit.ground.errors import UserError
from ivvit.identity.identity import Identities
from ivvit.planning.environment import load_current
from ivvit.planning.tables import table_runs
from ivvit.results.tables import write_tables

CONFIG = """\
root_path: data
datasets:
  pets: {kind: image-folder, path: pets}
  cars: {kind: image-folder, path: cars}
  films: {kind: video-folder, path: films, clip_seconds: 0.4, frames: original}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 2
  num_frames: 2
  precision: fp32
experiments:
  parent: {model: polyvit, datasets: {pets: 2}}
  probe: {model: polyvit, datasets: {cars: 2}, pretrain: "experiment:parent", freeze: all, evaluation: {knn: 3}}
runtime: {workers: 0, gpus: 0}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A parent trained on one data set, and a linear probe of it on another."""
    folder = tmp_path_factory.mktemp("features")
    image_folder(folder / "data/pets")
    image_folder(folder / "data/cars", classes=3)
    video_folder(folder / "data/films")
    (folder / "config.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in ("validate pets", "validate cars", "validate films", "train parent", "train probe"):
            assert command(*words.split()) == 0
    return folder


def command(*arguments: str) -> int:
    return main([arguments[0], *arguments[1:], "--config", "config.yaml"])


def test_a_linear_probe_trains_the_new_head_alone(workspace):
    parent, probe = (
        load_file(workspace / f"results/experiments/{name}/seed0/model.safetensors") for name in ("parent", "probe")
    )
    assert {name for name in probe if "heads." in name} == {"heads.cars.weight", "heads.cars.bias"}
    assert all(torch.equal(parent[name], probe[name]) for name in probe if "heads." not in name)


def test_neighbours_vote_beside_the_probe(workspace, tmp_path, monkeypatch, capsys):
    """On the same frozen features: the numbers of `ivvit knn`, in metrics, tables and on the terminal."""
    monkeypatch.chdir(workspace)
    metrics = json.loads((workspace / "results/experiments/probe/seed0/metrics.json").read_text())
    model = "results/experiments/parent/seed0"
    assert command("knn", model, "--dataset", "cars", "--neighbours", "3", "--out", str(tmp_path / "knn.json")) == 0
    by_hand = json.loads((tmp_path / "knn.json").read_text())
    assert metrics["knn"]["cars"]["top1"] == by_hand["top1"] and metrics["evaluation"]["knn"] == 3
    assert metrics["knn"]["cars"]["per_class"] == by_hand["per_class"]
    identities = Identities(load_current(["config.yaml"]))
    write_tables(current_comparison(identities, table_runs(identities)[0]), tmp_path)
    text = (tmp_path / "comparison.md").read_text()
    head, voted = (f"{100 * metrics[part]['cars']['top1']:.1f}" for part in ("datasets", "knn"))
    assert "## Nearest neighbours" in text and f"| probe | {voted} / {head} (k = 3) |" in text
    with (tmp_path / "comparison.csv").open() as file:
        rows = {row["experiment"]: row for row in csv.DictReader(file)}
    assert float(rows["probe"]["cars_knn_top1"]) == by_hand["top1"] and rows["parent"]["cars_knn_top1"] == ""
    capsys.readouterr()
    assert command("evaluate", "parent", "--knn", "2") == 0
    assert "pets, 2-NN" in capsys.readouterr().out


def test_neighbours_are_part_of_an_evaluation_and_of_no_training(workspace, monkeypatch):
    """Other training samples make it due again where they vote; samples cannot vote on themselves."""
    monkeypatch.chdir(workspace)
    text = Path("config.yaml").read_text()

    def digests(**knn: int) -> tuple[str, str]:
        Path("other.yaml").write_text(text.replace("{knn: 3}", str(knn)))
        identities = Identities(load_current(["other.yaml"]))
        return identities.experiment("probe").digest, identities.evaluation("probe").digest

    training, asked = digests(knn=3)
    assert digests(knn=5)[0] == training and digests(knn=5)[1] != asked
    _, plain = digests()
    image(Path("data/cars/train/c0/another.png"))
    assert command("validate", "cars") == 0
    assert digests()[1] == plain and digests(knn=3)[1] != asked
    Path("data/cars/train/c0/another.png").unlink()
    assert command("validate", "cars") == 0
    assert digests(knn=3) == (training, asked)
    Path("other.yaml").write_text(text.replace("{knn: 3}", "{knn: 5, split: train}"))
    with pytest.raises(UserError, match="knn: training samples vote, so it cannot be asked on split: train"):
        load_current(["other.yaml"])


@pytest.mark.parametrize(("dataset", "samples"), [("cars", 6), ("films", 2), ("pets", 4)])
def test_nearest_neighbours_on_any_data_set(dataset, samples, workspace, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(workspace)
    out, model = tmp_path / "knn.json", "results/experiments/parent/seed0"
    assert command("knn", model, "--dataset", dataset, "--neighbours", "3", "--out", str(out)) == 0
    found = json.loads(out.read_text())
    assert found["num_samples"] == samples and 0 <= found["top1"] <= 1 and found["split"] == "test"
    assert f"{dataset} (test), 3 nearest neighbours of " in capsys.readouterr().out
    assert command("knn", model, "--dataset", "cats") == 2
    assert "unknown data set 'cats'" in capsys.readouterr().err


def test_the_nearest_vote_by_their_likeness():
    """By hand: two neighbours of class 1 at 0.8 and of class 0 at 0.6."""
    bank = np.array([[0.8, 0.6], [0.6, 0.8], [-1.0, 0.0]], np.float32)
    asked, cpu = np.array([[1.0, 0.0]], np.float32), torch.device("cpu")
    found = neighbours(bank, [1, 0, 2], asked, 3, 2, cpu)
    weight = np.exp((0.8 - 0.6) / 0.07)
    assert found[0] == pytest.approx([1 / (1 + weight), weight / (1 + weight), 0])
    assert neighbours(bank, [1, 0, 2], bank, 3, 1, cpu).argmax(1).tolist() == [1, 0, 2], "each is its own nearest"
