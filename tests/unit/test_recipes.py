"""config/recipes.yaml: every recipe trains and goes on after a stop in the same bits; every key that is off is on."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas
import pytest
import torch
import yaml
from training_runs import stop_at, train_stopped

import ivvit
from ivvit.config import Config, RuntimeOptions, load_config
from ivvit.config.base import Section
from ivvit.config.pixels import pixels_of_weights
from ivvit.data.extraction import extract, lock_store
from ivvit.data.validation import validate
from ivvit.demo.data import write_demo_data
from ivvit.demo.weights import write_demo_weights
from ivvit.numerics.models import create_model
from ivvit.runs.job import TrainJob
from ivvit.runs.run import train
from ivvit.weights.fetch import fetch

PROJECT = Path(__file__).parents[2]
CONFIG = PROJECT / "config" / "recipes.yaml"
PAGE = PROJECT / "docs" / "recipes.md"
SIZES = {"Tiny-ImageNet": {"train": 6, "val": 2}, "CIFAR100": {"train": 6, "val": 2},
         "UCF101": {"groups": 21, "clips": 1}, "Kinetics200": {"train": 8, "val": 2}}  # fmt: skip
NAMES = list(yaml.safe_load(CONFIG.read_text())["experiments"])
FAST = {"finetuned"}
"""The one with the most keys; the others are slow tests."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's data with few samples, validated and extracted, and its weights."""
    root = tmp_path_factory.mktemp("recipes")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ivvit.demo.data.SIZES", SIZES)
        write_demo_data(root)
    write_demo_weights(root / "pretrained_weight" / "demo" / "demo_vit.pth")
    config = short(root)
    fetch("demo-vit", root=root, lock=root / "weights.json", sources=config.sources)
    for name in SIZES:
        options, manifest = config.datasets[name], root / f"{name}.json"
        validate(name, options, root, manifest)
        if options.is_video:
            extract(name, options, root, manifest)
            lock_store(name, options, root, manifest, root / f"frames-{name}.json")
    return root


def short(root: Path) -> Config:
    """The recipes with four iterations, and a validation in which a run can be stopped."""
    fields = {"iterations": 4, "validation": {"every": 2, "holdout": 0.2}}
    experiments = {name: {"iterations": 4, "lr_schedule": {"warmup": 1}} for name in NAMES}
    return load_config(CONFIG, overrides={"root_path": str(root), "defaults": fields, "experiments": experiments})


def job(root: Path, folder: Path, name: str) -> TrainJob:
    config, lock = short(root), root / "weights.json"
    experiment, weights = config.experiment(name), None
    if experiment.pretrain != "none":
        weights = lock
        experiment = experiment.seeing(*pixels_of_weights(json.loads(lock.read_text())))
    manifests = {dataset: root / f"{dataset}.json" for dataset in experiment.data}
    options = config.entries[name].runtime.model_dump() | {"workers": 0, "gpus": 0, "threads": 1}
    return TrainJob(experiment, 0, folder, root, manifests, weights, RuntimeOptions(**options), name=name)


@pytest.mark.parametrize(
    "name", [name if name in FAST else pytest.param(name, marks=pytest.mark.slow) for name in NAMES]
)
def test_a_recipe_trains_and_goes_on_after_a_stop_in_the_same_bits(name: str, root: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    train(job(root, one, name), sample_log=one / "samples.csv")
    assert train_stopped(lambda _: job(root, two, name), stop_at(2), sample_log=two / "samples.csv") == 1
    for file in ("history.csv", "model.safetensors", "samples.csv"):
        assert (one / file).read_bytes() == (two / file).read_bytes(), file
    history = pandas.read_csv(one / "history.csv")
    assert history["loss"].notna().all() and history["loss"].lt(20).all()
    assert set(ivvit.load_run(one / "model.safetensors").classes) == set(SIZES)


def sections(kind: type[Section] = Section) -> Iterator[type[Section]]:
    for section in kind.__subclasses__():
        yield section
        yield from sections(section)


def keys(value: Any) -> Iterator[str]:
    """All keys of nested mappings."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield key
            yield from keys(inner)


def test_every_key_that_is_off_by_default_is_on_in_one_recipe() -> None:
    """`off` marks the keys that came after the paper's own (see ivvit.config.base)."""
    marked = {
        name
        for section in sections()
        if section.__module__.startswith("ivvit.config.")
        for name, field in section.model_fields.items()
        if isinstance(field.json_schema_extra, dict) and "off" in field.json_schema_extra
    }
    marked -= {"knn"}  # asks an evaluation for more, and is no recipe
    assert len(marked) > 15 and marked - set(keys(yaml.safe_load(CONFIG.read_text()))) == set()


def test_every_recipe_is_described() -> None:
    table = PAGE.read_text().partition("## The recipes")[2]
    assert re.findall(r"^\| `([\w-]+)`", table, re.MULTILINE) == NAMES


def test_the_pages_vjepa2_is_vjepa2s_architecture(tmp_path: Path) -> None:
    """Every tensor of its ViT-L has a place, at a depth of 1."""
    (block,) = (text for text in re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL) if "vjepa2:" in text)
    (tmp_path / "it.yaml").write_text(block)
    experiment = load_config(tmp_path / "it.yaml").experiment("vjepa2")
    options = experiment.model.model_dump()
    args = experiment.backbone.args | {"depth": 1}
    name, backbone, frames = options.pop("name"), experiment.backbone.name, experiment.num_frames
    model = create_model(name, {"UCF101": 101}, backbone, frames, args, **options)
    state = {"patch_embed.proj.weight": torch.zeros(1024, 3, 2, 16, 16), "patch_embed.proj.bias": torch.zeros(1024)}
    for part, (rows, columns) in {"attn.qkv": (3072, 1024), "attn.proj": (1024, 1024), "mlp.fc1": (4096, 1024),
                                  "mlp.fc2": (1024, 4096)}.items():  # fmt: skip
        state |= {f"blocks.0.{part}.weight": torch.zeros(rows, columns), f"blocks.0.{part}.bias": torch.zeros(rows)}
    for part in ("blocks.0.norm1", "blocks.0.norm2", "norm"):
        state |= {f"{part}.weight": torch.ones(1024), f"{part}.bias": torch.zeros(1024)}
    report = ivvit.load_weights(model, {"target_encoder": {f"module.backbone.{k}": v for k, v in state.items()}})
    assert all(name.startswith("heads.") for name in report.missing) and not report.unexpected
