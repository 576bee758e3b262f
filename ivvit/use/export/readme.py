"""A model card: README.md with metadata in the form of the Hugging Face hub. The licence is left to who publishes."""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData

from ivvit import __version__
from ivvit.evaluation.metrics import DatasetMetrics
from ivvit.runs.evaluation_job import EvaluationMetrics
from ivvit.runs.model_file import HeadCard, ModelCard

_TASKS = {False: "image-classification", True: "video-classification"}
_USE = {
    "onnx": """\
```python
import onnxruntime
session = onnxruntime.InferenceSession("{graph}.onnx")
logits = session.run(["{head}"], {{"pixels": pixels}})[0]   # pixels: float32 {shape}, normalised
```""",
    "torch-export": """\
```python
import torch
program = torch.export.load("{graph}.pt2").module()
logits = program(pixels)   # a tuple, a head each: {heads}; pixels: float32 {shape}, normalised
```""",
    "timm": """\
```python
import timm
model = timm.create_model("{backbone}", num_classes={classes}, checkpoint_path="model.safetensors"{args})
```

It sees single images; what {model} does across frames is not in it.""",
    "safetensors": """\
```python
import ivvit
run = ivvit.load_run("model.safetensors")
run.predict("{sample}", "{head}", top=5)   # [(class name, probability), ...]
```""",
}


def model_card(card: ModelCard, name: str, form: str, heads: list[str], results: Iterable[EvaluationMetrics]) -> str:
    """The text.

    Args:
        card: what the model's file says.
        name: what to call the model.
        form: the export's format.
        heads: the heads that are in it.
        results: evaluations of this file.
    """
    results = list(results)
    told = [result for metrics in results for result in _eval_results(card, metrics, _classifying(card, form, heads))]
    data = ModelCardData(
        model_name=name, library_name="timm" if form == "timm" else None, tags=["ivvit", card.model, card.backbone],
        datasets=list(card.heads), pipeline_tag=_task(card, form, heads), eval_results=told or None,
    )  # fmt: skip
    parts = [f"---\n{data.to_yaml()}\n---", f"# {name}", _what(card), "## Use", _use(card, form, heads)]
    parts += ["## Input", _input(card), "## Training", _training(card), "## Results", _results(results)]
    parts += ["These are of the whole model, with all of its heads and what it does across frames."] * (form == "timm")
    parts += ["## Licence", "To be chosen by who publishes this model; the licences of the data and of the initial "
              "weights bind as well."]  # fmt: skip
    return "\n\n".join(parts) + "\n"


def _classifying(card: ModelCard, form: str, heads: list[str]) -> list[str]:
    """The heads whose results the exported files give: timm's see single images, and have one head at most."""
    return [name for name in heads if not card.heads[name].video] if form == "timm" else heads or list(card.heads)


def _task(card: ModelCard, form: str, heads: list[str]) -> str:
    if form == "timm":
        return _TASKS[False] if heads else "image-feature-extraction"
    return _TASKS[any(card.heads[name].video for name in heads or card.heads)]


def _what(card: ModelCard) -> str:
    return (
        f"{card.model}{_options(card.options)} on timm's `{card.backbone}`{_options(card.backbone_args)}, trained "
        f"jointly on {', '.join(card.heads)}: images and videos through one Vision Transformer, a linear head for "
        f"each data set. Made by ivvit {__version__}."
    )


def _options(options: dict[str, object]) -> str:
    return f" ({', '.join(f'{key}={value}' for key, value in options.items())})" if options else ""


def _use(card: ModelCard, form: str, heads: list[str]) -> str:
    head = heads[0] if heads else next(iter(card.heads))
    video = card.heads[head].video
    of_kind = [name for name in heads or card.heads if card.heads[name].video == video]
    side = f"3, {card.img_size}, {card.img_size})"
    return _USE[form].format(
        graph="clips" if video else "images", head=head, heads=", ".join(of_kind), backbone=card.backbone,
        args="".join(f", {key}={value!r}" for key, value in card.backbone_args.items()),
        shape=f"(B, {card.num_frames}, {side}" if video else f"(B, {side}", model=card.model,
        classes=len(card.heads[heads[0]].classes) if heads else 0, sample="clip.mp4" if video else "image.jpg",
    )  # fmt: skip


def _input(card: ModelCard) -> str:
    pixels, size = card.pixels, card.img_size
    antialias = all(head.antialias for head in card.heads.values())
    lines = [
        f"RGB, scaled to 0..1, then normalised with mean {_numbers(pixels.mean)} and std {_numbers(pixels.std)}; "
        f"resized ({pixels.interpolation}{'' if antialias else ', without antialias'}) to the short side below, and "
        f"cropped to {size} x {size} in the middle. Clips are {card.num_frames} frames spread evenly over a window.",
        "",
        "| head | classes | of | short side | window |",
        "|---|---:|---|---:|---:|",
        *(f"| {name} | {len(head.classes)} | {_kind(head)} |" for name, head in card.heads.items()),
        "",
        "The names of all classes are in `preprocessing.json`.",
    ]
    return "\n".join(lines)


def _kind(head: HeadCard) -> str:
    window = f"{head.clip_seconds:g} s" if head.video else ""
    return f"{'videos' if head.video else 'images'} | {head.short_side} | {window}"


def _numbers(values: Iterable[float]) -> str:
    return ", ".join(f"{value:g}" for value in values)


def _training(card: ModelCard) -> str:
    identity = f"run `{card.identity}`, " if card.identity else ""
    kept = f", weights of iteration {card.kept_iteration:,}" if card.kept_iteration != card.iterations else ""
    return f"{identity.capitalize()}seed {card.seed}, {card.iterations:,} iterations in {card.precision}{kept}."


def _results(results: list[EvaluationMetrics]) -> str:
    if not results:
        return "No evaluation of this file was found beside it; `ivvit evaluate` makes one."
    lines = [
        "Accuracies in percent, with 95% intervals.",
        "",
        "| data set | split | protocol | samples | top-1 | top-5 |",
        "|---|---|---|---:|---|---|",
    ]
    for metrics in results:
        protocol = f"{metrics.evaluation['clips']} x {metrics.evaluation['crops']} views"
        for name, found in metrics.datasets.items():
            top5 = _percent(found.top5, found.top5_interval)
            top1 = _percent(found.top1, found.top1_interval)
            lines.append(f"| {name} | {found.split} | {protocol} | {found.num_samples:,} | {top1} | {top5} |")
    return "\n".join(lines)


def _percent(value: float | None, interval: tuple[float, float] | None) -> str:
    if value is None or interval is None:
        return ""
    return f"{100 * value:.2f} [{100 * interval[0]:.2f}, {100 * interval[1]:.2f}]"


def _eval_results(card: ModelCard, metrics: EvaluationMetrics, heads: list[str]) -> list[EvalResult]:
    return [
        result
        for name, found in metrics.datasets.items()
        if metrics.heads[name] in heads
        for result in _of_dataset(name, found, card.heads[metrics.heads[name]].video)
    ]


def _of_dataset(name: str, found: DatasetMetrics, video: bool) -> list[EvalResult]:
    values = {"top-1 accuracy": found.top1, "top-5 accuracy": found.top5}
    return [
        EvalResult(
            task_type=_TASKS[video], dataset_type=name, dataset_name=name, dataset_split=found.split,
            metric_type="accuracy", metric_name=metric, metric_value=value,
        )
        for metric, value in values.items()
        if value is not None
    ]  # fmt: skip


def preprocessing(card: ModelCard) -> str:
    """preprocessing.json: what happens to pixels before the model, and the classes of each head."""
    heads = {
        name: {"classes": head.classes, "short_side": head.short_side, "video": head.video, "antialias": head.antialias}
        | ({"clip_seconds": head.clip_seconds} if head.video else {})
        for name, head in card.heads.items()
    }
    content = {
        "image_size": card.img_size, "frames": card.num_frames, **asdict(card.pixels), "scale": "0..1",
        "channels": "RGB", "heads": heads,
    }  # fmt: skip
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def write_texts(folder: Path, card: ModelCard, name: str, form: str, heads: list[str],
                results: Iterable[EvaluationMetrics]) -> None:  # fmt: skip
    """README.md and preprocessing.json."""
    (folder / "README.md").write_text(model_card(card, name, form, heads, results), encoding="utf-8")
    (folder / "preprocessing.json").write_text(preprocessing(card), encoding="utf-8")
