"""Weights fitted to another size, another number of prefix tokens, and to polyvit's tubelets."""

import pytest
import torch
from torch.nn.functional import interpolate

from ivvit.ground.errors import UserError
from ivvit.numerics.models import create_model
from ivvit.weights import load_weights

VIT = {"img_size": 64, "patch_size": 16, "embed_dim": 24, "depth": 1, "num_heads": 3, "mlp_ratio": 2}


def make(name="IV-ViT", frames=4, backbone="vit_tiny_patch16_224", args=None, **options):
    torch.manual_seed(0)
    return create_model(name, {"A": 3}, backbone, frames, VIT | (args or {}), **options).eval()


@pytest.mark.parametrize(("size", "grid"), [(96, (6, 6)), (32, (2, 2)), ((32, 96), (2, 6))])
def test_positions_are_interpolated(size, grid):
    source, model = make(), make(args={"img_size": size})
    report = load_weights(model, source.backbone.state_dict())
    old, new = source.backbone.pos_embed.detach(), model.backbone.pos_embed.detach()
    square = old[:, 1:].reshape(1, 4, 4, 24).permute(0, 3, 1, 2)
    expected = interpolate(square, grid, mode="bicubic", antialias=True).flatten(2).transpose(1, 2)
    torch.testing.assert_close(new[:, 1:], expected, atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(new[:, :1], old[:, :1], atol=0, rtol=0)
    assert report.notes == [f"pos_embed: interpolated from 4x4 to {grid[0]}x{grid[1]} patches"]


def test_the_class_tokens_position_moves_into_the_class_token():
    source, model = make(), make(backbone="deit3_small_patch16_224")  # no position for its class token
    state = source.backbone.state_dict() | {"blocks.0.ls1.gamma": torch.ones(24), "blocks.0.ls2.gamma": torch.ones(24)}
    load_weights(model, state)
    x = torch.randn(2, 3, 64, 64)
    torch.testing.assert_close(model.backbone(x), source.backbone(x), atol=1e-5, rtol=1e-5)


def test_registers_without_position_get_zeros():
    source, model = make(), make(args={"reg_tokens": 2})
    report = load_weights(model, source.backbone.state_dict(), allow_partial=True)
    positions = model.backbone.pos_embed
    assert not positions[:, 1:3].any()
    torch.testing.assert_close(positions[:, 3:], source.backbone.pos_embed[:, 1:], atol=0, rtol=0)
    assert "backbone.reg_token" in report.missing


def test_positions_that_are_no_grid_are_an_error():
    state = make().backbone.state_dict() | {"pos_embed": torch.zeros(1, 14, 24)}
    with pytest.raises(UserError, match="14 positions"):
        load_weights(make(), state)


@pytest.mark.parametrize("tubelet", [1, 2, 4])
def test_inflated_polyvit_sees_the_central_frames(tubelet):
    source, model = make(), make("polyvit", frames=8, tubelet_frames=tubelet)
    report = load_weights(model, source.backbone.state_dict())
    assert report.missing == ["heads.A.weight", "heads.A.bias"]
    assert {"tubelet.weight", "tubelet.bias", "pos_embed_video"} <= set(report.loaded)
    clip = torch.randn(2, 8, 3, 64, 64)
    tokens, _ = model.embed_clip(clip)
    vit = source.backbone
    for i in range(8 // tubelet):
        frame = vit._pos_embed(vit.patch_embed(clip[:, i * tubelet + tubelet // 2]))
        torch.testing.assert_close(tokens[:, 1 + 16 * i : 17 + 16 * i], frame[:, 1:], atol=1e-5, rtol=1e-4)
        torch.testing.assert_close(tokens[:, :1], frame[:, :1], atol=1e-6, rtol=1e-5)


def test_inflation_follows_interpolation():
    model = make("polyvit", args={"img_size": 32}, tubelet_frames=2)
    load_weights(model, make().backbone.state_dict())
    positions = model.backbone.pos_embed
    expected = torch.cat([positions, positions[:, 1:]], 1)
    torch.testing.assert_close(model.pos_embed_video, expected, atol=0, rtol=0)


def test_polyvits_positions_are_interpolated_in_time():
    source = make("polyvit", frames=4, tubelet_frames=2)
    with torch.no_grad():  # positions that only tell the time: -1 and 1
        source.pos_embed_video[:, 1:17], source.pos_embed_video[:, 17:] = -1.0, 1.0
    model = make("polyvit", frames=8, tubelet_frames=2)
    report = load_weights(model, source.state_dict())
    assert "pos_embed_video: interpolated in time and space" in report.notes
    times = model.pos_embed_video[0, 1:].reshape(4, 16, 24)
    expected = torch.tensor([-1.0, -0.5, 0.5, 1.0]).reshape(4, 1, 1).expand(4, 16, 24)
    torch.testing.assert_close(times, expected, atol=1e-6, rtol=0)
    torch.testing.assert_close(model.pos_embed_video[:, 0], source.pos_embed_video[:, 0], atol=0, rtol=0)


def test_half_precision_weights_load_into_float_models():
    state = {name: tensor.half() for name, tensor in make().backbone.state_dict().items()}
    model = make("polyvit", args={"img_size": 96}, tubelet_frames=2)
    load_weights(model, state)
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
