"""How frozen encoders are compared on data that they were not trained on: nearest neighbours, and a linear probe."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from data_sets import image_folder, video_folder
from safetensors.torch import load_file

from ivvit.cli import main
from ivvit.use.knn import Embedding, neighbours

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
  probe: {model: polyvit, datasets: {cars: 2}, pretrain: "experiment:parent", freeze: all}
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
    train = Embedding(torch.tensor([[0.8, 0.6], [0.6, 0.8], [-1.0, 0.0]]), [0, 1, 2])
    found = neighbours(train, [1, 0, 2], Embedding(torch.tensor([[1.0, 0.0]]), [0]), 3, 2)
    weight = np.exp((0.8 - 0.6) / 0.07)
    assert found[0] == pytest.approx([1 / (1 + weight), weight / (1 + weight), 0])
    assert neighbours(train, [1, 0, 2], train, 3, 1).argmax(1).tolist() == [1, 0, 2], "each is its own nearest"
