"""Which samples and which frames: pure functions of the seed, the data set and a position in its stream."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ivvit.numerics.permutation import Permutation
from ivvit.numerics.rng import Rng
from ivvit.numerics.timeline import Timeline


@lru_cache(maxsize=64)
def epoch_order(seed: int, dataset: str, epoch: int, size: int) -> Permutation:
    """The order of a data set's samples in an epoch: each exactly once."""
    return Permutation(size, seed, dataset, "order", epoch)


def sample_at(seed: int, dataset: str, position: int, size: int) -> int:
    """The sample at a position of the endless stream of epochs; batch `step` holds positions step x B ... + B - 1."""
    epoch, offset = divmod(position, size)
    return epoch_order(seed, dataset, epoch, size)[offset]


def substitute_at(seed: int, dataset: str, position: int, attempt: int, size: int) -> int:
    """The sample that stands in at a position whose own cannot be read, and for it, should it fail as well."""
    return Rng(seed, dataset, "substitute", position, attempt).integer(size)


def subsample(frames: int, count: int) -> np.ndarray:
    """`count` indices into `frames`: floor(linspace(0, frames - 1, count)), computed in integers.

    Uniform temporal subsampling as in pytorchvideo (transforms/functional.py), free of its rounding errors;
    `count == frames` gives consecutive frames, fewer frames than `count` are repeated.
    """
    if count == 1:
        return np.zeros(1, dtype=np.int64)
    return np.arange(count, dtype=np.int64) * (frames - 1) // (count - 1)


@dataclass(frozen=True)
class Clip:
    """The frames of a clip (indices into the video) and when its window begins, in seconds."""

    indices: np.ndarray
    start_seconds: float


def clip_at(timeline: Timeline, start: int, seconds: float, count: int) -> Clip:
    """The clip of `count` frames from the window of `seconds` that begins with frame `start`."""
    return Clip(start + subsample(timeline.window(start, seconds), count), timeline.seconds(start))


def random_clip(timeline: Timeline, seconds: float, count: int, rng: Rng) -> Clip:
    """A clip from a window at a random place; a video shorter than the window is used whole."""
    return clip_at(timeline, rng.integer(timeline.last_start(seconds) + 1), seconds, count)


def uniform_clips(timeline: Timeline, seconds: float, count: int, clips: int) -> list[Clip]:
    """`clips` clips whose windows are spread evenly over the video; a single one lies in its middle."""
    last = timeline.last_start(seconds)
    starts = [last // 2] if clips == 1 else [last * k // (clips - 1) for k in range(clips)]
    return [clip_at(timeline, start, seconds, count) for start in starts]
