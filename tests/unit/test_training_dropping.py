"""What is dropped depends on a sample's position in its batch, and on nothing else."""

import pytest
import torch

from ivvit.numerics.dropping import Dropping
from ivvit.numerics.models import create_model
from ivvit.numerics.rng import mix, uniforms

RATES = {"drop_path_rate": 0.4, "proj_drop_rate": 0.2, "attn_drop_rate": 0.2, "pos_drop_rate": 0.1}
SIZES = {"img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 3, "num_heads": 3}
CPU = torch.device("cpu")
CASES = [
    ("IV-ViT", "vit_tiny_patch16_224", {}),
    ("TokenShift", "vit_tiny_patch16_224", {}),
    ("MSCA", "vit_tiny_patch16_224", {}),
    ("polyvit", "vit_tiny_patch16_224", {"patch_drop_rate": 0.5}),
    ("IV-ViT", "eva02_tiny_patch14_224", {"patch_drop_rate": 0.5}),
    ("AIM", "vit_tiny_patch16_224", {}),
]


def forward(model, dropping, x, positions, iteration=1):
    dropping.prepare(iteration, "A", positions, CPU)
    return model(x[positions.start : positions.stop], "A")


@pytest.mark.parametrize(("name", "backbone", "further"), CASES)
@pytest.mark.parametrize("shape", [(6, 3, 32, 32), (6, 4, 3, 32, 32)], ids=["images", "clips"])
def test_one_process_and_three_drop_the_same(name, backbone, further, shape):
    torch.manual_seed(0)
    model = create_model(name, {"A": 5}, backbone, 4, SIZES | RATES | further).train()
    dropping, x = Dropping(model, seed=3), torch.randn(shape)
    whole = forward(model, dropping, x, range(6))
    parts = [forward(model, dropping, x, range(first, first + 2)) for first in (0, 2, 4)]
    torch.testing.assert_close(torch.cat(parts), whole, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(forward(model, dropping, x, range(6)), whole, atol=0, rtol=0)
    assert not torch.allclose(forward(model, dropping, x, range(6), iteration=2), whole, atol=1e-3)
    model.eval()
    assert torch.equal(model(x, "A"), model(x, "A"))


def test_rates_and_scales_are_those_of_timm():
    model = create_model("IV-ViT", {"A": 5}, "vit_tiny_patch16_224", 4, SIZES | {"drop_path_rate": 0.4}).train()
    dropping = Dropping(model, seed=3)
    dropping.prepare(0, "A", range(20_000), CPU)
    module = model.backbone.blocks[2].drop_path1
    out = module(torch.ones(20_000, 1, 1)).flatten()
    assert sorted(out.unique().tolist()) == pytest.approx([0, 1 / 0.6])
    assert out.mean().item() == pytest.approx(1, abs=0.02)


def test_modules_names_stay():
    plain = create_model("IV-ViT", {"A": 5}, "vit_tiny_patch16_224", 4, SIZES | RATES)
    before = list(plain.state_dict())
    Dropping(plain, seed=0)
    assert list(plain.state_dict()) == before


def test_mixed_bits_are_splitmix64():
    """The first outputs of the published generator for the seed 1234567 (as Rosetta Code lists them)."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    found = mix(1234567, torch.arange(1, 5)).tolist()
    assert [value % 2**64 for value in found] == expected


def test_uniform_numbers_are_even_and_streams_differ():
    numbers = uniforms(mix(5, torch.arange(100)), 1000)
    assert numbers.min() >= 0 and numbers.max() < 1
    assert numbers.mean().item() == pytest.approx(0.5, abs=0.003)
    histogram = torch.histc(numbers, 16, 0, 1) / numbers.numel()
    assert (histogram - 1 / 16).abs().max() < 0.003
    correlation = torch.corrcoef(numbers)
    assert (correlation - torch.eye(100)).abs().max() < 0.15
