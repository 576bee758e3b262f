"""The configuration that `ivvit init` writes: it runs as it is, and its comments say what one would change first."""

import json
import re
from dataclasses import dataclass

from ivvit.config.datasets import KNOWN_DATASETS, official_counts
from ivvit.project.survey import Found

BATCH = {"image": 16, "video": 4}
_EPOCHS = 10
_TEXT = """\
# yaml-language-server: $schema=schema.json
# Written by `ivvit init`, from what it found in {looked}. It runs as it is:
#   ivvit doctor                  is everything there that it needs?
#   snakemake --cores {cores:<11} train what is missing or stale, and make the tables
# Every key is described in schema.json, which editors show; the reference is docs/configuration.md.
root_path: {root} # datasets/, pretrained_weight/ and the frame store (frames/) lie here

datasets:
{datasets}

defaults: # what all experiments share; an experiment may say otherwise
{scale}
  num_frames: 8 # of each clip, spread over clip_seconds; 16 in the paper
  iterations: {iterations} # in each, one batch of every data set
  datasets: {{ {batches} }} # samples per iteration
  optimizer: {{ name: AdamW, lr: {lr}, weight_decay: 5.0e-5 }}
  lr_schedule: {{ name: cosine, warmup: {warmup} }}
  grad_clip: 1.0
  seeds: [0] # [0, 1, 2]: three runs of each experiment, and tables with their deviation

experiments: # one row of the table each
{experiments}

# studies: # a search; `tuned` trains with its best parameters
#   lr: {{ base: {base}, n_trials: 10, space: {{ optimizer.lr: {{ low: 1.0e-6, high: 1.0e-2, log: true }} }} }}
# and under experiments:  tuned: {{ extends: {base}, from_study: lr }}

runtime: # how things run; nothing here changes a result
  gpus: {gpus}
  workers: {workers} # processes that prepare batches, for each data set
  memory_gb: {memory}
"""
_ON_GPU = """\
  backbone: vit_base_patch16_224 # any VisionTransformer of timm
  pretrain: ImageNet-21k # or Kinetics400, ImageNet-1k, timm:<tag>, file:<path>, none; downloaded once
  precision: bf16"""
_ON_CPU = """\
  # Small enough for a CPU, and from scratch: to see that all works. For numbers worth having, on a GPU:
  #   backbone: vit_base_patch16_224
  #   pretrain: ImageNet-21k # or Kinetics400, ImageNet-1k, timm:<tag>, file:<path>; downloaded once
  backbone: { name: vit_tiny_patch16_224, img_size: 64 } # any VisionTransformer of timm
  pretrain: none
  precision: fp32"""


@dataclass(frozen=True)
class Machine:
    """What the configuration is written for."""

    gpus: int
    cpus: int


def configuration(found: list[Found], paths: dict[str, str], root: str, looked: str, machine: Machine) -> str:
    """The file's text.

    Args:
        found: the data sets to train on; class folders without splits have got a list by now.
        paths: where each lies, relative to the root_path or absolute.
        root: the root_path.
        looked: the folder that was looked at.
        machine: what to choose sizes for.
    """
    on_gpu, videos = machine.gpus > 0, any(one.media == "video" for one in found)
    steps = max(next(iter(one.counts.values())) // BATCH[one.media] for one in found)
    iterations = min(max(_EPOCHS * steps, 20), 14_000 if on_gpu else 100)
    experiments = {"iv-vit": "IV-ViT", "tokenshift": "TokenShift"} if videos else {"vit": "IV-ViT"}
    return _TEXT.format(
        looked=looked,
        root=plain(root),
        datasets="\n".join(_entry(one, paths[one.name]) for one in found),
        scale=_ON_GPU if on_gpu else _ON_CPU,
        iterations=iterations,
        warmup=iterations // 10,
        batches=", ".join(f"{one.name}: {BATCH[one.media]}" for one in found),
        lr="1.0e-5" if on_gpu else "5.0e-4",
        experiments="\n".join(f"  {name}: {{ model: {model} }}" for name, model in experiments.items()),
        base=list(experiments)[-1],
        gpus=min(machine.gpus, 1),
        workers=4 if on_gpu else 0,
        memory=32 if on_gpu else 4,
        cores=machine.cpus,
    )


def _entry(one: Found, path: str) -> str:
    """What was found, and below it the data set's settings, as far as they differ from what the name alone means."""
    known = KNOWN_DATASETS.get(one.name, {})
    keys = {"kind": one.kind, "path": path, **({"media": one.media} if one.kind == "list-file" else {})}
    told = {key: value for key, value in keys.items() if known.get(key) != value}
    official = official_counts(one.kind)
    if known and official is not None and one.counts["train"] != official.train:
        told["expect"] = "none"
    inside = ", ".join(f"{key}: {plain(value)}" for key, value in told.items())
    return f"  # {one}\n  {one.name}: {{ {inside} }}".replace("{  }", "{}")


def plain(text: str) -> str:
    """A YAML scalar; in quotes where it needs them."""
    return text if re.fullmatch(r"[A-Za-z~/.][A-Za-z0-9_./=+-]*", text) else json.dumps(text, ensure_ascii=False)
