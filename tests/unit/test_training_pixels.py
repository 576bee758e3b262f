"""Pixels that an experiment asks for reach training, the model's file and predictions, each checked by hand."""

from pathlib import Path

import ivvit.numerics.compat  # before torchvision

# isort: split
import numpy as np
import pandas
import pytest
import torch
from torch.nn.functional import cross_entropy
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2.functional import center_crop, normalize, resize
from training_runs import job

import ivvit
from ivvit.numerics.initial import initial_model
from ivvit.numerics.pixels import Pixels
from ivvit.runs.inputs import open_train
from ivvit.runs.run import train

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
SETTINGS = {"normalize": "imagenet", "interpolation": "bicubic", "iterations": 1, "names": ["shades"]}


def test_training_sees_them(data: Path, tmp_path: Path) -> None:
    todo = job(data, tmp_path, **SETTINGS, options={"antialias": False})
    train(todo)
    shades = todo.experiment.data["shades"]
    batch = {}
    for interpolation in ("bicubic", "bilinear"):
        pixels, size = Pixels(MEAN, STD, interpolation), {"img_size": 32, "num_frames": 2, "seed": 0}
        batch[interpolation] = open_train(
            "shades", shades, data, todo.manifests["shades"], **size, pixels=pixels
        ).batch(0, 4)  # fmt: skip
    assert not torch.equal(batch["bicubic"].pixels, batch["bilinear"].pixels)
    model = initial_model(todo.experiment, {"shades": 3}, 0, None).train()
    logits = model(normalize(batch["bicubic"].pixels / 255, MEAN, STD), "shades")
    (found,) = pandas.read_csv(tmp_path / "history.csv")["loss"]
    assert found == pytest.approx(cross_entropy(logits, batch["bicubic"].labels).item(), rel=1e-5)


@pytest.mark.parametrize("antialias", [True, False])
def test_predictions_see_them(antialias: bool, data: Path, tmp_path: Path) -> None:
    """By the model's file alone, on a picture twice as large as what the model takes."""
    train(job(data, tmp_path, **SETTINGS, options={"antialias": antialias}))
    run = ivvit.load_run(tmp_path / "model.safetensors")
    assert (run.card.pixels, run.card.heads["shades"].antialias) == (Pixels(MEAN, STD, "bicubic"), antialias)
    picture = np.random.default_rng(0).integers(0, 256, (80, 96, 3), dtype=np.uint8)
    chw = torch.from_numpy(picture).permute(2, 0, 1)
    views = {}
    for sharp in (True, False):
        small = center_crop(resize(chw, [37], InterpolationMode.BICUBIC, antialias=sharp), [32, 32])
        with torch.no_grad():
            views[sharp] = run.model(normalize(small[None] / 255, MEAN, STD), "shades").softmax(1).max().item()
    assert abs(views[True] - views[False]) > 1e-4
    assert run.predict(picture, "shades", top=1)[0][1] == pytest.approx(views[antialias], abs=1e-6)


@pytest.mark.parametrize("antialias", [True, False])
def test_clips_are_resized_in_training_as_the_key_says(antialias: bool, data: Path, tmp_path: Path) -> None:
    """Of the same crop, the pixels that torch's interpolation gives with and without."""
    options = job(data, tmp_path, options={"antialias": antialias, "short_side": [16, 16]}).experiment.data["moves"]
    manifest, size = data / "manifests/moves.json", {"img_size": 16, "num_frames": 2, "seed": 0}
    small = open_train("moves", options, data, manifest, **size).batch(0, 4).pixels
    whole = options.model_copy(update={"short_side": (32, 32)})
    full = open_train("moves", whole, data, manifest, **size | {"img_size": 32}).batch(0, 4).pixels
    expected = resize(full, [16, 16], InterpolationMode.BILINEAR, antialias=antialias)
    assert torch.equal(small, expected)
    assert not torch.equal(small, resize(full, [16, 16], InterpolationMode.BILINEAR, antialias=not antialias))
