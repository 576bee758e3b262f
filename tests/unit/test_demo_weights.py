"""The demo's stand-in weights: the published layout, the same bytes every time, and a start that models can use."""

import json
from pathlib import Path

import pytest
import torch

from ivvit.demo.weights import write_demo_weights
from ivvit.numerics.models import create_model
from ivvit.weights.fetch import fetch
from ivvit.weights.load import load_weights
from ivvit.weights.lock import load_converted

BACKBONE = {"img_size": 32, "patch_size": 16, "embed_dim": 64, "depth": 4, "num_heads": 4}


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    write_demo_weights(tmp_path / "demo.pth")
    return tmp_path / "demo.pth"


def test_the_same_seed_gives_the_same_bytes_under_any_name(weights: Path, tmp_path: Path) -> None:
    write_demo_weights(tmp_path / "sub" / "another.pth")
    write_demo_weights(tmp_path / "seed1.pth", seed=1)
    assert (
        (tmp_path / "sub" / "another.pth").read_bytes() == weights.read_bytes() != (tmp_path / "seed1.pth").read_bytes()
    )
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]


@pytest.mark.parametrize("model", ["IV-ViT", "TokenShift", "MSCA", "polyvit"])
def test_every_model_takes_them_whole_after_fetch_and_conversion(weights: Path, tmp_path: Path, model: str) -> None:
    sources = {"demo": {"url": weights.as_uri()}}
    fetch("demo", root=tmp_path / "root", lock=tmp_path / "demo.json", sources=sources)
    assert json.loads((tmp_path / "demo.json").read_text())["layout"] == "tokenshift"
    joint = create_model(model, {"a": 3}, backbone="vit_tiny_patch16_224", num_frames=8, backbone_args=BACKBONE)
    report = load_weights(joint, load_converted(tmp_path / "demo.json", tmp_path / "root"))
    assert not report.unexpected and set(report.missing) == {"heads.a.weight", "heads.a.bias"}
    assert joint.backbone.pos_embed.std().item() == pytest.approx(0.3, rel=0.2)
    bound = joint.backbone.blocks[0].mlp.fc1.weight.abs().max().item()
    assert bound == pytest.approx((6 / (64 + 256)) ** 0.5, rel=0.01)  # xavier


def test_a_plain_state_dict_is_inside(weights: Path) -> None:
    state = torch.load(weights, weights_only=True)["state_dict"]
    assert all(name.startswith("module.base_model.transformer.") for name in state)
