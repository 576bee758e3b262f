"""Outputs agree with those of the authors' published models (tests/golden, made from their code)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ivvit.numerics.models import create_model
from ivvit.numerics.models.msca import OPERANDS, shift_heads_
from ivvit.numerics.models.tokenshift import shift_class_token_
from ivvit.weights import load_weights

GOLDEN = Path(__file__).parents[1] / "golden"
CLASSES = {"CIFAR100": 5, "UCF101": 7}
DATASET = {"image": "CIFAR100", "video": "UCF101"}
SMALL = {"img_size": 32, "patch_size": 16, "embed_dim": 96, "depth": 2, "num_heads": 12, "mlp_ratio": 2}
MODELS = {
    "vit": ("IV-ViT", {}, SMALL, 4),
    "tokenshift": ("TokenShift", {"fold_div": 8}, SMALL, 4),
    "msca": ("MSCA", {"shift": "qk"}, SMALL, 4),
    "polyvit": ("polyvit", {}, SMALL | {"embed_dim": 48, "num_heads": 6}, 32),
}


def golden(stem: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / f"{stem}.npz") as arrays:
        return {name: torch.from_numpy(arrays[name]) for name in arrays.files}


@pytest.fixture(scope="module", params=MODELS)
def case(request):
    name, options, args, frames = MODELS[request.param]
    data = golden(request.param)
    model = create_model(name, CLASSES, num_frames=frames, backbone_args=args, **options).eval()
    report = load_weights(model, {k.removeprefix("sd/"): v for k, v in data.items() if k.startswith("sd/")})
    return request.param, model, data, report


def test_every_golden_weight_is_loaded(case):
    _, model, _, report = case
    assert (report.missing, report.unexpected) == ([], [])
    assert set(report.loaded) == set(model.state_dict())


@pytest.mark.parametrize("kind", ["image", "video"])
def test_logits_and_intermediate_points_agree(case, kind):
    stem, model, data, _ = case
    points = {
        "embed": model.backbone.pos_drop,
        "block0": model.backbone.blocks[0],
        "encoded": model.backbone.norm,
        "head": model.heads[DATASET[kind]],
    }
    seen = {}
    handles = [
        module.register_forward_hook(lambda _, __, out, point=point: seen.__setitem__(point, out.clone()))
        for point, module in points.items()
    ]
    x = data[f"in/{kind}"]
    if stem == "polyvit" and kind == "video":
        x = x.transpose(1, 2)  # this file alone has (B, C, T, H, W)
    with torch.no_grad():
        logits = model(x, DATASET[kind])
    for handle in handles:
        handle.remove()
    for point in points:
        torch.testing.assert_close(seen[point], data[f"mid/{kind}/{point}"], atol=1e-4, rtol=0, msg=point)
    torch.testing.assert_close(logits, data[f"out/{kind}"], atol=1e-4, rtol=0)


def test_token_shift_agrees():
    ops = golden("ops")
    shifted = shift_class_token_(ops["shift_tk/in"].clone(), frames=4, size=48 // 8)
    torch.testing.assert_close(shifted, ops["shift_tk/out"], atol=0, rtol=0)


def test_head_shift_agrees():
    ops = golden("ops")
    q, k = ops["shift_attn/q"], ops["shift_attn/k"]
    qkv = torch.stack([q, k, torch.zeros_like(q)]).permute(1, 3, 0, 2, 4).contiguous()  # (B*T, N, 3, H, K)
    q, k, v = shift_heads_(qkv, frames=4, size=1, operands=OPERANDS["qk"]).permute(2, 0, 3, 1, 4)
    torch.testing.assert_close(q, ops["shift_attn/Q"], atol=0, rtol=0)
    torch.testing.assert_close(k, ops["shift_attn/K"], atol=0, rtol=0)
    assert not v.any()
