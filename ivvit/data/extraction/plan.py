"""What is to be extracted, and the room it takes."""

import shutil
from dataclasses import dataclass
from pathlib import Path

from ivvit.config.datasets import DatasetOptions, StoreOptions
from ivvit.data.extraction.encode import fitted
from ivvit.data.manifest import load_manifest
from ivvit.data.timelines import timelines
from ivvit.ground.errors import Failure, UserError
from ivvit.identity.frame_store import frames_folder, store_file, store_folder
from ivvit.numerics.timeline import Timeline

BYTES_PER_PIXEL = {"mjpeg": 0.5, "ffv1": 1.5}
"""About twice what UCF101 and Kinetics clips took (0.28 / quality^0.57 and 0.63), for sharper ones take more."""


@dataclass(frozen=True)
class Task:
    """One video of the store."""

    source: Path
    target: Path
    timeline: Timeline
    size: int
    mtime_ns: int
    sha256: str
    pixels: int


def store_tasks(name: str, options: DatasetOptions, root: Path, manifest_lock: Path) -> list[Task]:
    """A task per different video of the manifest, in the order of their hashes.

    Raises:
        UserError: the data set needs no frame store.
    """
    if not options.is_video:
        raise UserError(f"{name} is a data set of images; only videos have a frame store")
    rows = load_manifest(manifest_lock).table.drop_duplicates("sha256").sort_values("sha256")
    folder, root = store_folder(options.store, root), Path(root).expanduser()
    tasks = []
    for timeline, (_, row) in zip(timelines(rows), rows.iterrows(), strict=True):
        sha256, frames = str(row["sha256"]), int(row["frames"])
        pixels = _pixels(int(row["width"]), int(row["height"]), frames, options.store)
        target, size, mtime_ns = store_file(folder, sha256), int(row["size"]), int(row["mtime_ns"])
        tasks.append(Task(root / str(row["path"]), target, timeline, size, mtime_ns, sha256, pixels))
    return tasks


def _pixels(width: int, height: int, frames: int, options: StoreOptions) -> int:
    stored_width, stored_height = fitted(width, height, options.short_side)
    return stored_width * stored_height * frames


def of_shard(tasks: list[Task], shard: int, shards: int) -> list[Task]:
    """A shard's tasks, by content: an added video moves no other to another shard."""
    return [task for task in tasks if int(task.sha256[:8], 16) % shards == shard]


def estimated_bytes(tasks: list[Task], options: StoreOptions) -> int:
    """Room that the tasks will take, estimated generously from their pixels."""
    return bytes_of_pixels(sum(task.pixels for task in tasks), options)


def bytes_of_pixels(pixels: int, options: StoreOptions) -> int:
    """Room that so many stored pixels take, estimated generously."""
    share = BYTES_PER_PIXEL[options.codec] / (options.quality**0.5 if options.codec == "mjpeg" else 1)
    return int(share * pixels)


def check_room(name: str, tasks: list[Task], options: StoreOptions, root: Path) -> None:
    """Whether the disk has room for the tasks.

    Raises:
        UserError: it has not.
    """
    folder = frames_folder(options, root)
    there = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
    need, free = estimated_bytes(tasks, options), shutil.disk_usage(there).free
    if need > free:
        raise Failure(
            f"{name}: the frame store needs about {need / 1e9:.1f} GB in {folder}, {free / 1e9:.1f} GB are free; "
            f"make room, lower datasets.{name}.store.short_side, or set datasets.{name}.frames: original"
        )
