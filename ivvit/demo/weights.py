"""Weights of a small ViT that stand in for the downloaded ones."""

from pathlib import Path

import torch
from torch import Tensor

from ivvit.ground.files import write_atomically

IMAGE, PATCH, WIDTH, DEPTH = 32, 16, 64, 4
"""The backbone, which has 4 heads: `{img_size: 32, patch_size: 16, embed_dim: 64, depth: 4, num_heads: 4}`."""


def write_demo_weights(path: Path, *, seed: int = 0) -> None:
    """Write untrained weights of a small ViT as a `.pth` in the layout of the published TokenShift checkpoints.

    Linear layers are xavier-uniform and position embeddings have a standard deviation of 0.3: from timm's default of
    0.02 everywhere, tiny TokenShift and MSCA models take very long to pick up the order of frames. The same seed gives
    the same bytes.
    """
    state = {f"module.base_model.transformer.{name}": tensor for name, tensor in _tensors(seed).items()}
    # given a path, torch.save would write the temporary name into the file
    write_atomically(path, lambda file: torch.save({"state_dict": state}, file))


def _tensors(seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    patches, fan_in = (IMAGE // PATCH) ** 2, 3 * PATCH**2

    def uniform(bound: float, *shape: int) -> Tensor:
        return (2 * torch.rand(shape, generator=generator) - 1) * bound

    def linear(name: str, outputs: int, inputs: int) -> dict[str, Tensor]:
        weight = uniform((6 / (inputs + outputs)) ** 0.5, outputs, inputs)
        return {f"{name}.weight": weight, f"{name}.bias": torch.zeros(outputs)}

    def norm(name: str) -> dict[str, Tensor]:
        return {f"{name}.weight": torch.ones(WIDTH), f"{name}.bias": torch.zeros(WIDTH)}

    tensors = {
        "embeddings.position_embeddings": 0.3 * torch.randn(1, 1 + patches, WIDTH, generator=generator),
        "embeddings.cls_token": 1e-6 * torch.randn(1, 1, WIDTH, generator=generator),
        "embeddings.patch_embeddings.weight": uniform(fan_in**-0.5, WIDTH, 3, PATCH, PATCH),
        "embeddings.patch_embeddings.bias": uniform(fan_in**-0.5, WIDTH),
    }
    for layer in (f"encoder.layer.{index}" for index in range(DEPTH)):
        tensors |= norm(f"{layer}.attention_norm") | norm(f"{layer}.ffn_norm")
        tensors |= linear(f"{layer}.ffn.fc1", 4 * WIDTH, WIDTH) | linear(f"{layer}.ffn.fc2", WIDTH, 4 * WIDTH)
        for part in ("query", "key", "value", "out"):
            tensors |= linear(f"{layer}.attn.{part}", WIDTH, WIDTH)
    return tensors | norm("encoder.encoder_norm")
