"""Pixels as the weights were trained with them: resolved from their lock, in the specification, in the model."""

import json
from pathlib import Path
from typing import Any

import pytest

from ivvit.config import Config, canonical
from ivvit.config.pixels import PIXELS, pixels_of_weights
from ivvit.identity.identity import Identities
from ivvit.identity.locks import Pending
from ivvit.weights.notes import notes

IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225], "interpolation": "bicubic"}


def config(tmp_path: Path, **experiments: Any) -> Config:
    data = {"CIFAR100": 8}
    entries = {name: {"datasets": data, **entry} for name, entry in experiments.items()}
    return Config({"experiments": entries, "results": {"path": str(tmp_path)}}, "test")


def write_lock(identities: Identities, pretrain: str, **content: Any) -> None:
    path = identities.checks.weights(pretrain)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"sha256": "0" * 64, **content}))


def test_weights_of_timm_bring_their_pixels_and_others_have_the_papers(tmp_path: Path) -> None:
    parsed = config(
        tmp_path,
        none={},
        paper={"pretrain": "Kinetics400"},
        dino={"pretrain": "timm:vit_small_patch14_dinov2"},
        own={"pretrain": "file:weights.pth"},
        child={"pretrain": "experiment:dino"},
        forced={"pretrain": "timm:vit_small_patch14_dinov2", "normalize": "paper"},
    )
    identities = Identities(parsed)
    with pytest.raises(Pending):
        identities.trainable("dino")
    write_lock(identities, "timm:vit_small_patch14_dinov2", pixels=IMAGENET)
    write_lock(identities, "file:weights.pth")
    spec = {name: canonical(identities.trainable(name)) for name in parsed.entries}
    for name in ("none", "paper", "own"):
        assert "normalize" not in spec[name] and "interpolation" not in spec[name]
    for name in ("dino", "child"):
        assert spec[name]["normalize"] == {"mean": IMAGENET["mean"], "std": IMAGENET["std"]}
        assert spec[name]["interpolation"] == "bicubic"
    assert "normalize" not in spec["forced"] and spec["forced"]["interpolation"] == "bicubic"


def test_a_name_and_its_numbers_are_one_specification(tmp_path: Path) -> None:
    by_name = config(tmp_path, e={"normalize": "clip"}).experiment("e")
    numbers = PIXELS["clip"].model_dump(mode="json")
    assert canonical(by_name) == canonical(config(tmp_path, e={"normalize": numbers}).experiment("e"))


def test_named_pixels_are_timms() -> None:
    import ivvit.numerics.compat  # noqa: F401  (before timm)

    # isort: split
    from timm.data import constants

    for name, prefix in {
        "imagenet": "IMAGENET_DEFAULT",
        "inception": "IMAGENET_INCEPTION",
        "clip": "OPENAI_CLIP",
    }.items():
        assert PIXELS[name].mean == getattr(constants, f"{prefix}_MEAN")
        assert PIXELS[name].std == getattr(constants, f"{prefix}_STD")


def test_a_tag_of_timm_says_its_pixels() -> None:
    from ivvit.weights.hub import pixels_of_tag

    found = pixels_of_tag("vit_base_patch16_clip_224.openai")
    assert pixels_of_weights({"pixels": found}) == (PIXELS["clip"], "bicubic")
    assert pixels_of_tag("vit_base_patch16_224.augreg_in21k")["mean"] == [0.5, 0.5, 0.5]


def test_a_folder_of_hugging_face_says_its_pixels(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    from ivvit.numerics.models import create_model
    from ivvit.weights.fetch import fetch

    folder = tmp_path / "model"
    folder.mkdir()
    model = create_model("IV-ViT", {"A": 2}, "vit_tiny_patch16_224", 2, {"depth": 1, "img_size": 32})
    save_file(
        {name: tensor.contiguous() for name, tensor in model.backbone.state_dict().items()},
        folder / "model.safetensors",
    )
    described = {"image_mean": IMAGENET["mean"], "image_std": IMAGENET["std"], "resample": 3}
    (folder / "preprocessor_config.json").write_text(json.dumps(described))
    fetch(f"file:{folder}", root=tmp_path, lock=tmp_path / "lock.json")
    assert json.loads((tmp_path / "lock.json").read_text())["pixels"] == IMAGENET


def test_what_does_not_fit_is_worth_a_note(tmp_path: Path) -> None:
    parsed = config(
        tmp_path,
        fits={"pretrain": "timm:x"},
        forced={"pretrain": "timm:x", "normalize": "paper"},
        shift={"pretrain": "Kinetics400", "model": "TokenShift"},
        own={"pretrain": "Kinetics400", "model": {"name": "TokenShift", "fold_div": 4}},
    )
    seen = {name: parsed.experiment(name).seeing(*pixels_of_weights({"pixels": IMAGENET})) for name in parsed.entries}
    assert notes(seen["fits"], {"pixels": IMAGENET}) == []
    assert "timm:x was trained with pixels of mean [0.485" in notes(seen["forced"], {"pixels": IMAGENET})[0]
    assert "was trained with fold_div 4; this experiment has 8" in notes(seen["shift"], {})[0]
    assert notes(seen["own"], {}) == []
