"""Exports give the model's outputs: every model, images and clips, any batch; as others load them, without ivvit."""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file
from training_runs import DATASETS, job

import ivvit
from ivvit.cli import main
from ivvit.config import DatasetOptions, EvaluationOptions, RuntimeOptions
from ivvit.config.models import MODELS
from ivvit.ground.errors import UserError
from ivvit.runs.evaluate import evaluate_run
from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob
from ivvit.runs.run import train
from ivvit.use.export.graph import check_agreement


@pytest.fixture(scope="module")
def run_folder(data, tmp_path_factory) -> Path:
    """A finished run with an evaluation, where the workflow puts them."""
    folder = tmp_path_factory.mktemp("exported") / "polyvit/seed0"
    train(job(data, folder, model="polyvit", iterations=2))
    datasets = tuple(
        EvaluatedDataset(name, DatasetOptions(**DATASETS[name]), data / f"manifests/{name}.json", name)
        for name in DATASETS
    )
    model, place, runtime = folder / "model.safetensors", folder / "evaluations/0", RuntimeOptions(workers=0, gpus=0)
    evaluate_run(EvaluationJob(model, place, data, datasets, EvaluationOptions(clips=2), runtime))
    return folder


def export(run: Path, form: str, out: Path, *arguments: str) -> int:
    return main(["export", str(run), "--format", form, "--out", str(out), *arguments])


def check_onnx(model: torch.nn.Module, file: Path, heads: list[str], shape: tuple[int, ...]) -> None:
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for size in (1, 5):
        pixels = torch.randn(size, *shape)
        found = session.run(heads, {"pixels": pixels.numpy()})
        for head, logits in zip(heads, found, strict=True):
            assert np.allclose(logits, model(pixels, head).detach(), atol=1e-4)


def test_onnx(run_folder, tmp_path, capsys):
    assert export(run_folder, "onnx", tmp_path / "out") == 0
    assert "images.onnx  (largest difference from the model: " in capsys.readouterr().out
    run = ivvit.load_run(run_folder)
    check_onnx(run.model, tmp_path / "out/images.onnx", ["shades"], (3, 32, 32))
    check_onnx(run.model, tmp_path / "out/clips.onnx", ["moves"], (2, 3, 32, 32))
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "README.md", "clips.onnx", "images.onnx", "preprocessing.json",
    ]  # fmt: skip
    assert list(run.model.heads) == list(run.classes), "the model is as it was"


ROTARY = {"model": {"name": "polyvit", "positions": "rotary", "head": "attentive"},
          "backbone": {"name": "vit_small_patch16_rope_224", "img_size": 32, "embed_dim": 32, "depth": 2,
                       "num_heads": 2, "class_token": False, "global_pool": "avg", "init_values": None}}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("settings", [*({"model": name} for name in MODELS), ROTARY], ids=[*MODELS, "rotary"])
def test_every_model_in_every_form(settings, data, tmp_path, capsys):
    """Two heads on images, which share one graph; other names than Python's; and clips."""
    train(job(data, tmp_path / "run", **settings, iterations=1, num_frames=4))
    run = ivvit.load_run(tmp_path / "run")
    for form in ("onnx", "torch-export"):
        assert export(tmp_path / "run", form, tmp_path / form) == 0
    check_onnx(run.model, tmp_path / "onnx/clips.onnx", ["moves"], (4, 3, 32, 32))
    check_onnx(run.model, tmp_path / "onnx/images.onnx", ["shades"], (3, 32, 32))
    assert export(tmp_path / "run", "safetensors", tmp_path / "safetensors") == 0
    beyond = run.card.options.get("positions") == "rotary" or "adapters." in "".join(run.model.state_dict())
    assert export(tmp_path / "run", "timm", tmp_path / "timm") == beyond, "timm has neither"
    assert ("export it as onnx" in capsys.readouterr().err) == beyond


def test_torch_export_of_a_head(run_folder, tmp_path):
    assert export(run_folder, "torch-export", tmp_path, "--dataset", "shades") == 0
    assert not (tmp_path / "clips.pt2").exists()
    program, model = torch.export.load(tmp_path / "images.pt2").module(), ivvit.load_run(run_folder).model
    pixels = torch.randn(4, 3, 32, 32)
    (logits,) = program(pixels)
    assert torch.allclose(logits, model(pixels, "shades"), atol=1e-4)


def test_timm_loads_the_backbone(run_folder, tmp_path):
    """By checkpoint_path, and as a folder of the hub's form, with and without a classifier."""
    import timm  # after ivvit, which makes its torchvision work beside a CPU-only torch

    run, pixels = ivvit.load_run(run_folder), torch.randn(2, 3, 32, 32)
    for head, out in ((None, tmp_path / "features"), ("shades", tmp_path / "shades")):
        assert export(run_folder, "timm", out, *(["--dataset", head] if head else [])) == 0
        right = run.model(pixels, head) if head else run.model.pool(run.model.features(pixels))
        one = timm.create_model(
            run.card.backbone, num_classes=3 if head else 0, checkpoint_path=str(out / "model.safetensors"),
            **run.card.backbone_args,
        )  # fmt: skip
        other = timm.create_model(f"local-dir:{out}", pretrained=True)
        for model in (one, other):
            assert torch.allclose(model.eval()(pixels), right, atol=1e-4)
        assert other.pretrained_cfg["mean"] == list(run.card.pixels.mean)
        card = ModelCard((out / "README.md").read_text()).data
        assert card.pipeline_tag == ("image-classification" if head else "image-feature-extraction")
        told = [entry.dataset_name for entry in card.eval_results or []]
        assert told == ([head] if head else []), "what timm's model cannot do is not told of it"
    assert export(run_folder, "timm", tmp_path, "--dataset", "shades", "moves") == 2


def test_the_models_own_file(run_folder, tmp_path):
    assert export(run_folder, "safetensors", tmp_path) == 0
    assert (tmp_path / "model.safetensors").read_bytes() == (run_folder / "model.safetensors").read_bytes()
    assert load_file(tmp_path / "model.safetensors").keys() == ivvit.load_run(tmp_path).model.state_dict().keys()


def test_the_model_card(run_folder, tmp_path):
    """Metadata that the hub's own library reads; results with their intervals; no licence is made up."""
    assert export(run_folder, "safetensors", tmp_path, "--name", "my-polyvit") == 0
    text = (tmp_path / "README.md").read_text()
    metrics = json.loads((run_folder / "evaluations/0/metrics.json").read_text())["datasets"]["moves"]
    card = ModelCard(text).data
    assert card.model_name == "my-polyvit" and card.license is None and set(card.datasets) == set(DATASETS)
    found = {(entry.dataset_name, entry.dataset_split): entry.metric_value for entry in card.eval_results}
    assert found["moves", "test"] == metrics["top1"]
    low, high = (f"{100 * bound:.2f}" for bound in metrics["top1_interval"])
    row = f"| moves | test | 2 x 1 views | {metrics['num_samples']} | {100 * metrics['top1']:.2f} [{low}, {high}] |  |"
    assert row in text and "To be chosen by who publishes" in text
    classes = json.loads((tmp_path / "preprocessing.json").read_text())["heads"]["moves"]["classes"]
    assert classes == ["class0", "class1"]
    (tmp_path / "alone").mkdir()
    (tmp_path / "model.safetensors").rename(tmp_path / "alone/model.safetensors")
    assert export(tmp_path / "alone", "safetensors", tmp_path / "again") == 0
    assert "No evaluation of this file was found" in (tmp_path / "again/README.md").read_text()


def test_an_export_that_differs_is_an_error():
    right = torch.ones(2, 3)
    assert check_agreement([(right, right + 5e-5)], "x.onnx") == pytest.approx(5e-5, rel=0.01)
    with pytest.raises(UserError, match=r"x\.onnx does not give the model's outputs"):
        check_agreement([(right, right + 5e-4)], "x.onnx")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--dataset", "shade"), "no head shade; did you mean shades"), (("--out", "{file}"), "cannot write {file}")],
)
def test_one_clear_error(arguments, message, run_folder, tmp_path, capsys):
    file = tmp_path / "file"
    file.write_text("in the way")
    status = 1 if "cannot write" in message else 2
    assert export(run_folder, "timm", tmp_path / "out", *(text.format(file=file) for text in arguments)) == status
    assert message.format(file=file) in capsys.readouterr().err
    assert not list(tmp_path.glob("out/*")), "all of it or nothing"
