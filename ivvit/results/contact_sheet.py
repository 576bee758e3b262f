"""The exact batch of a step as a picture: the quickest way to see a wrong label or a wrong frame."""

from pathlib import Path

import torch
from PIL import Image, ImageDraw, ImageFont

from ivvit.numerics.batch import Batch
from ivvit.numerics.train_data import TrainData

TILE, GAP, LINE, MARGIN = 112, 2, 14, 6


def contact_sheet(data: TrainData, step: int, batch_size: int, file: Path) -> Path:
    """Write the batch of a step as a PNG: a row per sample with its frames, its class, its file and its clip's start.

    Returns `file`, for the command that prints its name.
    """
    batch = data.batch(step, batch_size)
    strips = [_strip(row) for row in batch.pixels]
    height = strips[0].height + 2 * LINE + MARGIN
    width = max(640, strips[0].width) + 2 * MARGIN
    sheet = Image.new("RGB", (width, LINE + 2 * MARGIN + height * len(strips)), "white")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(size=11)
    title = f"{data.samples.dataset}, seed {data.seed}, step {step}, batch of {batch_size}"
    draw.text((MARGIN, MARGIN), title, "black", font)
    for number, strip in enumerate(strips):
        top = LINE + 2 * MARGIN + number * height
        for line, text in enumerate(_caption(data, batch, number)):
            draw.text((MARGIN, top + line * LINE), text, "black", font)
        sheet.paste(strip, (MARGIN, top + 2 * LINE))
    file.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(file, format="PNG")
    return file


def _caption(data: TrainData, batch: Batch, number: int) -> tuple[str, str]:
    record, label = batch.records[number], int(batch.labels[number])
    clip = f", clip from {record.start_seconds:.3f} s" if data.options.is_video else ""
    instead = f" instead of {record.substitute_for} ({record.reason})" if record.substitute_for else ""
    return f"{number}: class {label} {data.samples.classes[label]}{clip}", f"{record.path}{instead}"


def _strip(pixels: torch.Tensor) -> Image.Image:
    """Frames (T, C, H, W), or an image (C, H, W), side by side."""
    frames = pixels if pixels.dim() == 4 else pixels[None]
    strip = Image.new("RGB", (len(frames) * (TILE + GAP) - GAP, TILE), "white")
    for number, frame in enumerate(frames):
        image = Image.fromarray(frame.permute(1, 2, 0).contiguous().numpy())
        strip.paste(image.resize((TILE, TILE)), (number * (TILE + GAP), 0))
    return strip
