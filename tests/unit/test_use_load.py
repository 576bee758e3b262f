"""A trained model in Python: three lines, from its file alone, and never from a damaged one."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from training_runs import DATASETS, job

import ivvit
from ivvit.config import DatasetOptions, EvaluationOptions, RuntimeOptions
from ivvit.config.pixels import pixels_of_weights
from ivvit.ground.errors import UserError
from ivvit.numerics.decode import decode_all
from ivvit.numerics.pixels import Pixels
from ivvit.results.predictions import read_confidences
from ivvit.runs.evaluate import evaluate_run
from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob
from ivvit.runs.model_file import encode, read_card
from ivvit.runs.run import train
from ivvit.weights.fetch import fetch


@pytest.fixture(scope="module", params=[{}, {"frames": "original"}], ids=["store", "original"])
def evaluated(request, data, tmp_path_factory) -> tuple[Path, Path]:
    """(a trained model, the folder of its evaluation with two clips and three crops)."""
    folder = tmp_path_factory.mktemp("evaluated")
    names = ["moves"] if request.param else list(DATASETS)
    train(job(data, folder / "run", model="TokenShift", names=names, options=request.param if request.param else {}))
    datasets = tuple(
        EvaluatedDataset(
            name, DatasetOptions(**{**DATASETS[name], **request.param}), data / f"manifests/{name}.json", name
        )
        for name in names
    )
    model, options = folder / "run/model.safetensors", EvaluationOptions(clips=2, crops=3, batch_size=2)
    evaluate_run(EvaluationJob(model, folder / "numbers", data, datasets, options, RuntimeOptions(workers=0, gpus=0)))
    return model, folder / "numbers"


def test_the_numbers_are_those_of_the_evaluation(evaluated, data):
    model, folder = evaluated
    run = ivvit.load_run(model.parent)
    for name, found in read_confidences(folder / "predictions.parquet").items():
        for path, predicted, confidence in zip(found.paths, found.predicted, found.confidence, strict=True):
            said = run.predict(data / path, name, top=1, clips=2, crops=3)
            assert said == [(run.classes[name][predicted], pytest.approx(confidence, abs=1e-6))]


def test_three_lines(model, data):
    run = ivvit.load_run(str(model))
    said = run.predict(str(data / "moves/test/class0/0.mp4"), "moves", top=5)
    assert run.classes == {"shades": ["class0", "class1", "class2"], "moves": ["class0", "class1"]}
    assert not run.model.training and [name for name, _ in said] in (["class0", "class1"], ["class1", "class0"])
    assert sum(share for _, share in said) == pytest.approx(1) and said[0][1] >= said[1][1]
    assert run.card.num_frames == 2 and run.card.backbone == "vit_tiny_patch16_224"


def test_pictures_and_arrays_are_files_by_other_means(model, data):
    run, file = ivvit.load_run(model), data / "shades/test/class1/0.png"
    said, array = run.predict(file, "shades"), np.asarray(Image.open(file))
    chw = torch.from_numpy(array.copy()).permute(2, 0, 1)
    for sample in (Image.open(file), array, chw, chw / 255, array / np.float32(255), array.astype(int)):
        assert run.predict(sample, "shades") == said
    frames = np.stack([frame.to_ndarray(format="rgb24") for frame in decode_all(data / "moves/test/class1/1.mp4")])
    assert run.predict(frames, "moves") == run.predict(torch.from_numpy(frames).permute(0, 3, 1, 2), "moves")


@pytest.mark.parametrize(
    ("sample", "message"),
    [
        (np.zeros((8, 8)), r"expected an image \(H, W, 3\) or a clip"),
        (np.zeros((8, 8, 4)), "expected 3 channels"),
        (np.full((8, 8, 3), 2.0), "must be from 0 to 1, found 2 to 2"),
        (np.full((8, 8, 3), np.nan), "must be from 0 to 1"),
        (np.full((8, 8, 3), 256), "must be from 0 to 255"),
        ("no/file.png", r"no/file\.png cannot be used: it cannot be opened \(No such file or directory\)"),
    ],
)
def test_samples_that_are_none(sample, message, model):
    with pytest.raises(UserError, match=message):
        ivvit.load_run(model).predict(sample, "shades")


def test_a_head_that_is_not_there(model):
    with pytest.raises(UserError, match="has no head shade; did you mean shades"):
        ivvit.load_run(model).predict(np.zeros((8, 8, 3)), "shade")


@pytest.mark.parametrize("start", [9, 300, -4000, -41])
def test_forty_flipped_bytes_are_noticed(start, data, model, tmp_path):
    """In names, in what the file says about itself, and in the tensors; also where a run starts from it."""
    content = bytearray(model.read_bytes())
    for place in range(start, start + 40):
        content[place] ^= 1
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(content)
    with pytest.raises(UserError, match=r"model\.safetensors (is damaged|cannot be read as a model)"):
        ivvit.load_run(damaged)
    with pytest.raises(UserError, match=r"model\.safetensors (is damaged|cannot be read as a model)"):
        train(job(data, tmp_path / "child", weights=damaged, model="MSCA"))
    with pytest.raises(UserError, match=r"model\.safetensors (is damaged|is truncated or no checkpoint)"):
        fetch(f"file:{damaged}", root=tmp_path, lock=tmp_path / "lock.json")
    assert not (tmp_path / "lock.json").exists()


@pytest.mark.parametrize("form", ["file", "folder"])
def test_a_file_that_a_training_starts_from_says_what_pixels_it_knows(form, model, tmp_path):
    """`pretrain: file:` of a model, which `experiment:` follows by itself."""
    card, run = read_card(model), tmp_path / "run"
    run.mkdir()
    seen = Pixels((0.5, 0.4, 0.3), (0.2, 0.2, 0.1), "bicubic")
    (run / "model.safetensors").write_bytes(encode(load_file(model), replace(card, pixels=seen)))
    fetch(f"file:{run if form == 'folder' else run / 'model.safetensors'}", root=tmp_path, lock=tmp_path / "lock.json")
    normalize, interpolation = pixels_of_weights(json.loads((tmp_path / "lock.json").read_text()))
    assert (normalize.mean, normalize.std, interpolation) == (seen.mean, seen.std, "bicubic")


def test_a_digit_changed_in_what_the_file_says_is_noticed(model, tmp_path):
    content = model.read_bytes()
    assert content.count(b'\\"seed\\": 3') == 1
    (tmp_path / "model.safetensors").write_bytes(content.replace(b'\\"seed\\": 3', b'\\"seed\\": 4'))
    with pytest.raises(UserError, match="what it says about itself is not what was written"):
        ivvit.load_run(tmp_path)


def test_places_without_a_model(model, tmp_path):
    with pytest.raises(UserError, match="does not exist; name a model"):
        ivvit.load_run(tmp_path / "nowhere")
    with pytest.raises(UserError, match=r"has no model\.safetensors; name the folder of a finished run"):
        ivvit.load_run(tmp_path)
    (tmp_path / "state").mkdir()
    with pytest.raises(UserError, match="its run is not finished"):
        ivvit.load_run(tmp_path)
    for seed in (0, 1):
        (tmp_path / f"seed{seed}").mkdir()
        shutil.copy(model, tmp_path / f"seed{seed}/model.safetensors")
        if not seed:
            assert ivvit.load_run(tmp_path).card.seed == 3
    with pytest.raises(UserError, match=r"several models \(seed0, seed1\)"):
        ivvit.load_run(tmp_path)
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    (tmp_path / "note.txt").write_text("hello")
    for name, message in (("foreign.safetensors", "has no metadata of a model"), ("note.txt", "cannot be read as")):
        with pytest.raises(UserError, match=message):
            ivvit.load_run(tmp_path / name)


def test_models_are_made_and_loaded_at_the_top(model):
    made = ivvit.create_model("MSCA", {"new": 4}, num_frames=2, **_tiny())
    report = ivvit.load_weights(made, load_file(model))
    assert report.missing == ["heads.new.weight", "heads.new.bias"] and len(report.unexpected) == 4
    assert made(torch.zeros(1, 2, 3, 32, 32), "new").shape == (1, 4)
    with pytest.raises(AttributeError, match="no attribute 'create_modle'"):
        _ = ivvit.create_modle


def _tiny() -> dict:
    from training_runs import TINY

    return {"backbone": TINY["name"], "backbone_args": {key: value for key, value in TINY.items() if key != "name"}}
