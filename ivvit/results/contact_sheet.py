"""The exact batch of a step as a picture: the quickest way to see a wrong label or a wrong frame."""

from collections.abc import Mapping
from pathlib import Path

import torch
from PIL import Image

from ivvit.numerics.batch import Batch
from ivvit.numerics.train_data import TrainData
from ivvit.results.sheet import Cell, Section, write_sheet


def contact_sheet(
    data: TrainData, step: int, batch_size: int, file: Path, words: Mapping[str, str] | None = None
) -> Path:
    """Write the batch of a step as a PNG: each sample with its frames, its class, its file and its clip's start.

    Returns `file`, for the command that prints its name.

    Args:
        data: where the batch comes from.
        step: which one.
        batch_size: how many samples.
        file: the PNG.
        words: what to call classes whose names say nothing.
    """
    batch = data.batch(step, batch_size)
    title = f"{data.samples.dataset}, seed {data.seed}, step {step}, batch of {batch_size}"
    captions = [_caption(data, batch, number, words or {}) for number in range(len(batch.records))]
    cells = [Cell(_pictures(row), caption) for row, caption in zip(batch.pixels, captions, strict=True)]
    return write_sheet([Section(title, cells)], file)


def _caption(data: TrainData, batch: Batch, number: int, words: Mapping[str, str]) -> list[str]:
    record, label = batch.records[number], int(batch.labels[number])
    name = data.samples.classes[label]
    clip = f", from {record.start_seconds:.3f} s" if data.options.is_video else ""
    lines = [f"{number}: class {label} {words.get(name, name)}{clip}", record.path]
    if any(record.substitute_for for record in batch.records):
        lines.append(f"instead of {record.substitute_for} ({record.reason})" if record.substitute_for else "")
    return lines


def _pictures(pixels: torch.Tensor) -> list[Image.Image]:
    """Frames (T, C, H, W), or an image (C, H, W)."""
    frames = pixels if pixels.dim() == 4 else pixels[None]
    return [Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy()) for frame in frames]
