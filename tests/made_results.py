"""Runs as training and evaluation leave them, made without either: numbers by a simple model of hard and easy samples.

A sample is got right where the run's strength exceeds its difficulty; difficulties are the same for all runs.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from safetensors.numpy import save_file
from scipy.stats import norm

from ivvit.ground.seal import seal
from ivvit.results.runs import RunRef


@dataclass(frozen=True)
class MadeSet:
    """A data set's test split."""

    samples: int = 120
    classes: int = 10
    group_size: int = 1
    """Samples that belong together."""
    video: bool = False
    empty: int = 0
    """Of the classes, the last ones, which have no samples."""

    def names(self) -> list[str]:
        """The classes' names."""
        return [f"class {number}" for number in range(self.classes)]


SETS = {
    "Tiny-ImageNet": MadeSet(200, 20),
    "CIFAR100": MadeSet(200, 10),
    "UCF101": MadeSet(160, 8, group_size=4, video=True),
    "Kinetics200": MadeSet(160, 4, video=True),
}


def make_run(
    root: Path,
    name: str,
    seed: int,
    top1: Mapping[str, float],
    sets: Mapping[str, MadeSet] = SETS,
    specification: dict[str, Any] | None = None,
    seed_noise: float = 0.05,
    **ref: Any,
) -> RunRef:
    """A finished run with about these accuracies."""
    folder = root / name / f"seed{seed}"
    evaluation = folder / "evaluations" / "0123456789abcdef"
    evaluation.mkdir(parents=True)
    parts = {
        dataset: _predict(name, seed, dataset, sets[dataset], value, seed_noise) for dataset, value in top1.items()
    }
    write_predictions(evaluation, parts, {dataset: sets[dataset].names() for dataset in top1})
    metrics = {dataset: _metrics(part, sets[dataset]) for dataset, part in parts.items()}
    content = {"datasets": metrics, "seed": seed, "iterations": 200, "evaluation": {"clips": 1, "crops": 1}}
    (evaluation / "metrics.json").write_text(json.dumps(content))
    spec = {**_specification(list(top1), sets), **(specification or {}), "seed": seed}
    (folder / "experiment.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    (folder / "provenance.json").write_text(json.dumps(_provenance(name, seed)))
    (folder / "history.csv").write_text(_history(metrics, name, seed))
    save_file(vit_tensors(32, 4, 2, classes=[sets[dataset].classes for dataset in top1]), folder / "model.safetensors")
    return RunRef(name, seed, folder, evaluation, **ref)


def seal_run(ref: RunRef) -> None:
    """Write the checksums that training and evaluation write at their end."""
    seal(ref.folder, ["model.safetensors", "history.csv", "experiment.yaml"], {})
    seal(ref.evaluated("metrics.json").parent, ["metrics.json", "predictions.parquet"], {})


def write_predictions(folder: Path, parts: dict[str, pa.Table], classes: dict[str, list[str]]) -> None:
    """predictions.parquet of these data sets."""
    tables = [part.add_column(0, "dataset", pa.array([name] * len(part)).dictionary_encode())
              for name, part in parts.items()]  # fmt: skip
    table = pa.concat_tables(tables).unify_dictionaries().combine_chunks()
    table = table.replace_schema_metadata({b"classes": json.dumps(classes).encode()})
    pq.write_table(table, folder / "predictions.parquet")


def predictions(labels: np.ndarray, top: np.ndarray, paths: list[str], groups: list[str | None]) -> pa.Table:
    """A data set's rows; `top` (N, k) are the predicted classes."""
    size, sure = top.shape, 0.3 + 0.6 * (np.arange(len(labels)) % 17) / 17
    probabilities = sure[:, None] * 0.5 ** np.arange(size[1])
    true = np.where((top == labels[:, None]).any(1), (probabilities * (top == labels[:, None])).sum(1), 0.01)
    return pa.table({
        "path": paths, "group": pa.array(groups, pa.string()), "label": labels.astype(np.int32),
        "top": pa.array(top.astype(np.int32).tolist(), pa.list_(pa.int32())),
        "top_probability": pa.array(probabilities.tolist(), pa.list_(pa.float32())),
        "probability": true.astype(np.float32), "loss": -np.log(true).astype(np.float32),
        "probabilities": pa.nulls(size[0], pa.list_(pa.float16())),
    })  # fmt: skip


def vit_tensors(width: int, patch: int, depth: int, tokens: int = 65, classes: list[int] = ()) -> dict[str, np.ndarray]:
    """A ViT's parameters under timm's names, as float16 zeros."""
    shapes = {"backbone.cls_token": (1, 1, width), "backbone.pos_embed": (1, tokens, width),
              "backbone.patch_embed.proj.weight": (width, 3, patch, patch), "backbone.patch_embed.proj.bias": (width,),
              "backbone.norm.weight": (width,), "backbone.norm.bias": (width,)}  # fmt: skip
    for block in range(depth):
        for layer, rows, columns in (("attn.qkv", 3, 1), ("attn.proj", 1, 1), ("mlp.fc1", 4, 1), ("mlp.fc2", 1, 4)):
            shapes[f"backbone.blocks.{block}.{layer}.weight"] = (rows * width, columns * width)
            shapes[f"backbone.blocks.{block}.{layer}.bias"] = (rows * width,)
        for layer in ("norm1", "norm2"):
            shapes |= {f"backbone.blocks.{block}.{layer}.{part}": (width,) for part in ("weight", "bias")}
    for head, size in enumerate(classes):
        shapes |= {f"heads.{head}.weight": (size, width), f"heads.{head}.bias": (size,)}
    return {name: np.zeros(shape, np.float16) for name, shape in shapes.items()}


def _predict(name: str, seed: int, dataset: str, made: MadeSet, top1: float, seed_noise: float) -> pa.Table:
    shared, own = (
        np.random.default_rng([3, *dataset.encode()]),
        np.random.default_rng([seed, *f"{name} {dataset}".encode()]),
    )
    filled = made.classes - made.empty
    labels = np.arange(made.samples) % filled
    group = np.arange(made.samples) // filled // made.group_size * filled + labels
    difficulty = shared.normal(size=made.samples) + shared.normal(size=made.classes)[labels] * 0.5
    if made.group_size > 1:
        difficulty = difficulty + shared.normal(size=group.max() + 1)[group]
    difficulty = difficulty + 0.5 * own.normal(size=made.samples)
    strength = norm.ppf(np.clip(top1, 0.001, 0.999)) * difficulty.std() + difficulty.mean() + seed_noise * own.normal()
    right = difficulty < strength if 0 < top1 < 1 and made.classes > 1 else np.full(made.samples, top1 > 0)
    others = (labels[:, None] + 1 + np.argsort(own.random((made.samples, made.classes - 1)), 1)) % made.classes
    if made.classes > 1:
        others[:, 0] = np.where(own.random(made.samples) < 0.5, labels ^ 1, others[:, 0]) % made.classes
    top = np.where(right[:, None], np.c_[labels, others], np.c_[others, labels])[:, : min(5, made.classes)]
    kind = "avi" if made.video else "png"
    paths = [f"{dataset}/{made.names()[label]}/{number}.{kind}" for number, label in enumerate(labels)]
    groups = [f"g{number}" if made.group_size > 1 else None for number in group]
    return predictions(labels, top, paths, groups)


def _metrics(part: pa.Table, made: MadeSet) -> dict[str, Any]:
    labels, top = part["label"].to_numpy(), np.stack(part["top"].to_pylist())
    right, among = top[:, 0] == labels, (top == labels[:, None]).any(1)
    mine = [right[labels == c] for c in range(made.classes)]
    per_class = [{"name": name, "num_samples": len(hits), "top1": float(hits.mean()) if len(hits) else None}
                 for name, hits in zip(made.names(), mine, strict=True)]  # fmt: skip
    half = 1.96 * np.sqrt(max(right.mean() * (1 - right.mean()), 1e-3) / len(right))
    five = made.classes >= 6
    return {
        "split": "test", "classes": made.classes, "num_samples": len(labels),
        "num_groups": made.samples // made.group_size, "top1": float(right.mean()),
        "top1_interval": [max(0.0, float(right.mean() - half)), min(1.0, float(right.mean() + half))],
        "top5": float(among.mean()) if five else None,
        "top5_interval": [float(among.mean()) - 0.02, min(1.0, float(among.mean()) + 0.02)] if five else None,
        "loss": float(part["loss"].to_numpy().mean()),
        "mean_class_accuracy": float(np.mean([hits.mean() for hits in mine if len(hits)])), "ece": 0.05,
        "per_class": per_class, "unreadable": [],
    }  # fmt: skip


def _specification(datasets: list[str], sets: Mapping[str, MadeSet]) -> dict[str, Any]:
    optimizer = {"name": "AdamW", "lr": 1e-4, "weight_decay": 0.05}
    return {
        "model": {"name": "IV-ViT"}, "backbone": {"name": "vit_tiny_patch16_224", "args": {"img_size": 32}},
        "num_frames": 8, "pretrain": "none", "iterations": 200, "update_rule": "cumulative",
        "datasets": {name: {"batch_size": 8, "loss_weight": 1.0, "task_weight": 1.0} for name in datasets},
        "optimizer": {name: dict(optimizer) for name in datasets},
        "lr_schedule": {name: {"name": "cosine"} for name in datasets},
        "data": {n: {"kind": "video-folder", "path": n, "media": "video" if sets[n].video else "image"}
                 for n in datasets},
    }  # fmt: skip


def _provenance(name: str, seed: int) -> dict[str, Any]:
    session = {"started": "2026-01-01T00:00:00+00:00", "ended": "2026-01-01T02:00:00+00:00", "end": "finished",
               "host": "node1", "device": "CPU x86_64, 2 cores", "command": "ivvit train"}  # fmt: skip
    speed = {"iterations": 200, "samples": 6400, "samples_per_second": 40.0 + seed, "iterations_per_second": 1.25,
             "start_seconds": 3.0, "data_seconds": 20.0, "train_seconds": 140.0 + 300 * len(name),
             "evaluate_seconds": 9.0, "save_seconds": 1.0}  # fmt: skip
    return {"name": name, "seed": seed, "identity": "0123456789abcdef", "git": {"commit": "c0ffee", "dirty": False},
            "versions": {"pandas": "0.0.1", "pyyaml": None}, "sessions": [session] * 2, "speed": speed}  # fmt: skip


def _history(metrics: dict[str, Any], name: str, seed: int) -> str:
    noise = np.random.default_rng([seed, *name.encode()])
    rows = []
    for i in range(1, 201):
        for dataset, found in metrics.items():
            loss = found["loss"] + 3 * np.exp(-i / 40) + 0.15 * noise.normal()
            rows.append(f"{i},train,{dataset},{max(loss, 0.01):.6g},{found['top1']:.6g},,0.0001,1")
            if i % 25 == 0:
                value = found["top1"] * (1 - np.exp(-i / 50)) + 0.01 * noise.normal()
                rows.append(f"{i},val,{dataset},{loss:.6g},{min(max(value, 0), 1):.6g},,,")
    return "\n".join(["iteration,phase,dataset,loss,top1,top5,lr,weight", *rows]) + "\n"
