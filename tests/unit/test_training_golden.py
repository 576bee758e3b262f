"""Two iterations of the authors' own loop, from their weights (tests/golden/trainloop_vit.npz)."""

from pathlib import Path

import numpy as np
import pytest
import torch

from ivvit.config.resolve import Config
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.models import create_model
from ivvit.numerics.trainer import Trainer
from ivvit.numerics.world import World
from ivvit.weights import load_weights

GOLDEN = Path(__file__).parents[1] / "golden"
SMALL = {"img_size": 32, "patch_size": 16, "embed_dim": 96, "depth": 2, "num_heads": 12, "mlp_ratio": 2}
OPTIMIZER = {
    "CIFAR100": {"name": "SGD", "lr": 1e-2, "momentum": 0.9, "weight_decay": 5e-2},
    "UCF101": {"name": "AdamW", "lr": 1e-3, "weight_decay": 5e-2},
}
SCHEDULE = {
    "CIFAR100": {"name": "MultiStepLR", "milestones": [1], "gamma": 0.1},
    "UCF101": {"name": "CosineAnnealingLR", "period": 4},
}


def arrays(stem: str) -> dict[str, torch.Tensor]:
    with np.load(GOLDEN / f"{stem}.npz") as file:
        return {name: torch.from_numpy(file[name]) for name in file.files}


def trainer(update_rule: str) -> Trainer:
    fields = {"datasets": {"CIFAR100": 4, "UCF101": 2}, "optimizer": OPTIMIZER, "lr_schedule": SCHEDULE,
              "iterations": 4, "num_frames": 4, "precision": "fp32", "update_rule": update_rule}  # fmt: skip
    experiment = Config({"experiments": {"golden": fields}}, "test").experiment("golden")
    model = create_model("IV-ViT", {"CIFAR100": 5, "UCF101": 7}, num_frames=4, backbone_args=SMALL)
    load_weights(model, {k.removeprefix("sd/"): v for k, v in arrays("vit").items() if k.startswith("sd/")})
    return Trainer(model, experiment, 0, torch.device("cpu"), World())


def batch(golden: dict[str, torch.Tensor], iteration: int, kind: str) -> Batch:
    pixels = (golden[f"in/it{iteration}/{kind}"] + 0.45 / 0.225) * (255 * 0.225)  # training normalises what it is given
    labels = golden[f"in/it{iteration}/{kind}_label"]
    return Batch(pixels, labels, [Record(i, f"{kind}{i}") for i in range(len(labels))])


def run(update_rule: str) -> float:
    """The largest difference from the golden values."""
    golden, differences = arrays("trainloop_vit"), []
    training = trainer(update_rule)
    for iteration in range(2):
        batches = {"CIFAR100": batch(golden, iteration, "image"), "UCF101": batch(golden, iteration, "video")}
        step = training.run(iteration, batches)
        for name, sums in step.sums.items():
            loss, top1, top5 = (sums / len(batches[name].labels)).tolist()
            expected = [golden[f"it{iteration}/{name}/{key}"].item() for key in ("loss", "top1", "top5")]
            differences += [loss - expected[0], top1 - expected[1] / 100, top5 - expected[2] / 100]
            differences.append(training.lr(name, iteration + 1) - golden[f"it{iteration}/{name}/lr_after"].item())
        differences += [(value - golden[f"it{iteration}/after/{name}"]).abs().max().item()
                        for name, value in reference_names(training.model)]  # fmt: skip
    return max(map(abs, differences))


def reference_names(model: torch.nn.Module) -> list[tuple[str, torch.Tensor]]:
    backbone, layer = model.backbone, "base_model.encoder.layers.encoder_layer"
    return [
        ("base_model.class_token", backbone.cls_token),
        ("base_model.heads.head.CIFAR100.weight", model.heads["CIFAR100"].weight),
        ("base_model.heads.head.UCF101.weight", model.heads["UCF101"].weight),
        ("base_model.encoder.ln.weight", backbone.norm.weight),
        (
            f"{layer}_0.self_attention.out_proj.weight",
            backbone.blocks[0].attn.proj.weight,
        ),
        (f"{layer}_1.mlp.linear_2.bias", backbone.blocks[1].mlp.fc2.bias),
    ]


def test_cumulative_is_what_the_authors_code_does():
    assert run("cumulative") < 1e-5


@pytest.mark.parametrize("other", ["sequential"])
def test_the_golden_values_tell_update_rules_apart(other):
    assert run(other) > 1e-4
