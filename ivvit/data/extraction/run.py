"""Fill the frame store."""

import logging
import time
from functools import partial
from pathlib import Path

from ivvit.config.datasets import DatasetOptions
from ivvit.data.extraction.encode import write_stored
from ivvit.data.extraction.plan import Task, check_room, estimated_bytes, of_shard, store_tasks
from ivvit.data.extraction.sound import is_sound
from ivvit.data.progress import worked
from ivvit.ground.errors import UserError
from ivvit.ground.files import FORBIDDEN, TEMPORARY, UnwritableError
from ivvit.numerics.decode import UnreadableError

log = logging.getLogger("ivvit")
STALE_SECONDS = 24 * 3600


def extract(
    name: str,
    options: DatasetOptions,
    root: Path,
    manifest_lock: Path,
    *,
    shard: int = 0,
    shards: int = 1,
    workers: int = 1,
    full: bool = False,
) -> None:
    """Encode the videos of a manifest that the store lacks, or has cut short; killed at any point, a second call does
    the rest. `full`: decode what is there, and code again what does not decode.

    Raises:
        UserError: a source changed or broke since its validation, or the disk is too small.
    """
    tasks = of_shard(store_tasks(name, options, root, manifest_lock), shard, shards)
    todo = [task for task in tasks if not is_sound(task, decode=full)]
    check_room(name, todo, options.store, root)
    for task in todo:
        if task.target.exists():
            log.warning("%s: %s is damaged and is made again", name, task.target)
    log.info("%s: %d of %d videos to extract, about %.2f GB", name, len(todo), len(tasks),
             estimated_bytes(todo, options.store) / 1e9)  # fmt: skip
    for _ in worked(partial(_extract_one, options), todo, len(todo), workers, f"Extracting {name}"):
        pass
    _sweep(tasks)


def _extract_one(options: DatasetOptions, task: Task) -> None:
    advice = "validate the data set again (`ivvit validate`)"
    try:
        stat = task.source.stat()
        if (stat.st_size, stat.st_mtime_ns) != (task.size, task.mtime_ns):
            raise UserError(f"{task.source} has changed since its validation; {advice}")
        frames = write_stored(task.source, task.target, task.timeline, options.store)
    except UnwritableError as error:
        if error.errno not in FORBIDDEN:
            raise
        text = f"cannot write {task.target}: {error.strerror}; set frames_path: to a folder that you may write to"
        raise UnwritableError(text, error) from error
    except (UnreadableError, FileNotFoundError) as error:
        raise UserError(f"{task.source} cannot be read any more ({error}); {advice}") from error
    if frames != task.timeline.frames:
        raise UserError(f"{task.source} has {frames} frames, its manifest says {task.timeline.frames}; {advice}")


def _sweep(tasks: list[Task]) -> None:
    """Remove what killed runs left behind, once nobody can still be writing it."""
    for folder in {task.target.parent for task in tasks}:
        for leftover in folder.glob(f".*{TEMPORARY}"):
            try:
                if time.time() - leftover.stat().st_mtime > STALE_SECONDS:
                    leftover.unlink()
            except FileNotFoundError:
                continue
