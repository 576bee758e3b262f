"""Whether a file of the frame store is what was written, as far as it can tell itself."""

from itertools import zip_longest

from ivvit.data.extraction.plan import Task
from ivvit.data.validation.content import missing_bytes
from ivvit.numerics.decode import UnreadableError, decode_all


def is_sound(task: Task, *, decode: bool = False) -> bool:
    """Whether a video's file is there and not cut short; with `decode`, whether it gives all of its frames as well."""
    try:
        size = task.target.stat().st_size
        if not size or missing_bytes(task.target, size):
            return False
        return not decode or _decodes(task)
    except (FileNotFoundError, IsADirectoryError):
        return False


def _decodes(task: Task) -> bool:
    frames = range(task.timeline.frames)
    try:
        pairs = zip_longest(decode_all(task.target), frames)
        return not any(frame is None or index is None or frame.is_corrupt for frame, index in pairs)
    except UnreadableError:
        return False
