"""Which clips of a video are shown to a model, and how many crops."""

from dataclasses import dataclass

import numpy as np

from ivvit.ground.errors import UserError
from ivvit.numerics.sampling import Clip, clip_at, uniform_clips
from ivvit.numerics.timeline import Timeline


@dataclass(frozen=True)
class Protocol:
    """What is shown of each file."""

    clips: int | None = None
    """Clips spread evenly, as an evaluation places them; None for windows that slide over the whole video."""
    crops: int = 1
    """1 or 3, placed evenly along the long side."""
    stride: float | None = None
    """Seconds from one sliding window to the next; by default a window's length."""

    def __post_init__(self) -> None:
        if self.clips is not None and self.clips < 1:
            raise UserError(f"clips is {self.clips}; it must be 1 or more, or None for windows over the whole video")
        if self.crops not in (1, 3):
            raise UserError(f"crops is {self.crops}; it must be 1 or 3")
        if self.stride is not None and not self.stride > 0:
            raise UserError(f"stride is {self.stride}; it must be above 0 seconds")

    def place(self, timeline: Timeline, seconds: float, frames: int) -> list[Clip]:
        """The clips of a video, each of `frames` frames from a window of `seconds`."""
        if self.clips is not None:
            return uniform_clips(timeline, seconds, frames, self.clips)
        return sliding_clips(timeline, seconds, frames, self.stride or seconds)


def sliding_clips(timeline: Timeline, seconds: float, frames: int, stride: float) -> list[Clip]:
    """Clips whose windows begin every `stride` seconds; the last one ends with the video, a short video has one."""
    last = timeline.last_start(seconds)
    shown = (_stamps(timeline, last) - timeline.pts_of(0)) * float(timeline.time_base)
    begins = np.arange(0, shown[-1], stride)
    # half a frame of tolerance: time stamps are rounded to the container's clock
    starts = np.searchsorted(shown, begins - 0.5 / timeline.fps) if len(begins) else np.zeros(0, int)
    return [clip_at(timeline, start, seconds, frames) for start in sorted({*starts.tolist(), last})]


def _stamps(timeline: Timeline, last: int) -> np.ndarray:
    """The time stamps of frames 0 to `last`."""
    if timeline.pts is not None:
        return timeline.pts[: last + 1]
    return timeline.first + np.arange(last + 1) * timeline.step


def end_of(timeline: Timeline, clip: Clip, seconds: float) -> float:
    """When a clip's window ends, in seconds; at most the end of the video."""
    return min(clip.start_seconds + seconds, duration(timeline))


def duration(timeline: Timeline) -> float:
    """Seconds from the first frame to the end of the last."""
    return timeline.seconds(timeline.frames - 1) + 1 / timeline.fps
