"""The disk that a frame store will take, from the manifest or, before there is one, from some videos' headers."""

from dataclasses import dataclass
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.extraction.encode import fitted
from ivvit.data.extraction.plan import bytes_of_pixels, estimated_bytes, store_tasks
from ivvit.data.layouts import list_samples
from ivvit.numerics.decode import UnreadableError, open_video

PROBED = 16
"""Videos whose headers are read, evenly spread over the data set."""


@dataclass(frozen=True)
class StoreSize:
    """What an extraction has to do."""

    todo: int
    """Videos that the store lacks."""
    total: int
    size: int
    """Bytes, at most: sharp videos take as much, most take half."""
    basis: str
    """What it is reckoned from."""


def store_size(name: str, options: DatasetOptions, root: Path, manifest_lock: Path) -> StoreSize:
    """Of a validated data set: the videos that the store lacks, each by its frames and size."""
    tasks = store_tasks(name, options, root, manifest_lock)
    todo = [task for task in tasks if not task.target.exists()]
    return StoreSize(len(todo), len(tasks), estimated_bytes(todo, options.store), "frames and sizes in its manifest")


def unvalidated_size(name: str, options: DatasetOptions, root: Path) -> StoreSize | None:
    """Of a data set that is not validated, as if the store had none of it; None if no header says enough.

    Raises:
        UserError: the data set is not there, or its layout cannot be understood.
    """
    samples = list_samples(name, options, root).samples
    count = min(PROBED, len(samples))
    chosen = [samples[len(samples) * number // count].path for number in range(count)]
    found = [pixels for path in chosen if (pixels := _pixels(Path(root).expanduser() / path, options)) is not None]
    if not found:
        return None
    size = bytes_of_pixels(sum(found) * len(samples) // len(found), options.store)
    return StoreSize(len(samples), len(samples), size, f"the headers of {len(found)} videos, before validation")


def _pixels(path: Path, options: DatasetOptions) -> int | None:
    """Pixels of all stored frames of a video, by its header alone."""
    try:
        with open_video(path) as (container, stream):
            seconds = float((container.duration or 0) / 1_000_000)
            frames = stream.frames or round(seconds * float(stream.average_rate or 0))
            width, height = fitted(stream.width, stream.height, options.store.short_side)
    except UnreadableError:
        return None
    return width * height * frames or None
