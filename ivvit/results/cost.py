"""What a model costs: parameters, multiply-accumulates of a view, speed and hours of its training.

B batch, N tokens, D width. As in the field's tables, "GFLOPs" counts a multiply-accumulate as one; the attention's two
products are included, which some counters leave out (ViT-B/16 at 224 pixels: 17.6 with, 16.9 without).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open

from ivvit.results.runs import Run

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Cost:
    """None where it is not known."""

    parameters: int | None
    image_gflops: float | None
    """Of one image."""
    clip_gflops: float | None
    """Of one clip."""
    samples_per_second: float | None
    """In training."""
    hours: float | None
    """Of training, waiting for data included, evaluations and saving not."""
    device: str


def cost(runs: Sequence[Run]) -> Cost:
    """The cost of an experiment; speed and hours are means over its seeds."""
    shapes = next((found for run in runs if (found := tensor_shapes(run.ref.folder / "model.safetensors"))), {})
    kinds = {str((data or {}).get("media")) for run in runs for data in (run.specification.get("data") or {}).values()}
    frames = runs[0].specification.get("num_frames")
    speeds = [speed for run in runs if (speed := run.provenance.get("speed"))]
    devices = [run.device for run in runs if run.device]
    return Cost(
        sum(_size(shape) for shape in shapes.values()) or None,
        image_gflops(shapes) if "image" in kinds else None,
        clip_gflops(shapes, frames) if "video" in kinds and frames else None,
        _mean([speed.get("samples_per_second") for speed in speeds]),
        _mean([_hours(run) for run in runs]),
        ", ".join(dict.fromkeys(devices)),
    )


def tensor_shapes(file: Path) -> Shapes:
    """Name -> shape, from the file's header alone; empty if it cannot be read."""
    try:
        with safe_open(file, "numpy") as tensors:
            return {name: tuple(tensors.get_slice(name).get_shape()) for name in tensors.keys()}  # noqa: SIM118
    except (OSError, SafetensorError):
        return {}


def image_gflops(shapes: Shapes) -> float | None:
    """Of one image through a ViT, its heads left out."""
    width, positions = _width(shapes), shapes.get("backbone.pos_embed")
    return None if width is None or positions is None else _vit(shapes, positions[1], width, "patch_embed") / 1e9


def clip_gflops(shapes: Shapes, frames: int) -> float | None:
    """Of one clip: its frames through the ViT one by one, or its tubelets together."""
    width, positions = _width(shapes), shapes.get("pos_embed_video")
    if width is not None and positions is not None:
        return _vit(shapes, positions[1], width, "tubelet") / 1e9
    image = image_gflops(shapes)
    return None if image is None else frames * image


def _width(shapes: Shapes) -> int | None:
    return shapes["backbone.norm.weight"][0] if "backbone.norm.weight" in shapes else None


def _vit(shapes: Shapes, tokens: int, width: int, tokeniser: str) -> float:
    """Linear layers of N tokens, and in each block the two products of N x N x D."""
    linear = [shape for name, shape in shapes.items() if name.startswith("backbone.blocks.") and len(shape) == 2]
    blocks = {name.split(".")[2] for name in shapes if name.startswith("backbone.blocks.")}
    embedding = next((shape for name, shape in shapes.items() if tokeniser in name and len(shape) > 3), ())
    every_token = sum(_size(shape) for shape in linear) + _size(embedding)
    return tokens * every_token + 2 * len(blocks) * tokens**2 * width


def _size(shape: tuple[int, ...]) -> int:
    size = 1 if shape else 0
    for length in shape:
        size *= length
    return size


def _hours(run: Run) -> float | None:
    """The run's length at the speed of its last session, which may have had only a part of it."""
    speed: dict[str, Any] = run.provenance.get("speed") or {}
    iterations, rate = run.specification.get("iterations"), speed.get("iterations_per_second")
    return iterations / rate / 3600 if iterations and rate else None


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None
