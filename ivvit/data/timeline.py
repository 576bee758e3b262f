"""When each frame of a video is shown: what a full decode found, kept so that no loader has to guess."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Timeline:
    """Time stamps of a video's frames in the order of presentation.

    `first` and `step` (in units of `time_base` seconds) describe a constant rate; `pts` lists the time stamps of a
    variable one. `seekable` is False where the container's time stamps cannot be trusted (H.264 in AVI): frames are
    then counted from the start.
    """

    frames: int
    fps: float
    time_base: Fraction
    first: int = 0
    step: int = 1
    pts: np.ndarray | None = None
    seekable: bool = True

    def pts_of(self, index: int) -> int:
        """The time stamp of frame `index`, in units of `time_base`."""
        return self.first + index * self.step if self.pts is None else int(self.pts[index])

    def seconds(self, index: int) -> float:
        """When frame `index` is shown, in seconds after the first."""
        return float((self.pts_of(index) - self.pts_of(0)) * self.time_base)

    def window(self, start: int, seconds: float) -> int:
        """How many frames a window of `seconds` that begins with frame `start` holds: at least 1, at most all left.

        At a constant rate it is round(seconds x fps): 8/25 s at 25 fps are 8 frames, whatever floats make of it.
        """
        if self.pts is None:
            return int(min(max(1, round(seconds * self.fps)), self.frames - start))
        end = self.pts[start] + (seconds - 0.5 / self.fps) / float(self.time_base)
        return max(1, int(np.searchsorted(self.pts, end)) - start)

    def last_start(self, seconds: float) -> int:
        """The last frame from which a whole window fits; 0 where the video is shorter than the window."""
        if self.pts is None:
            return max(0, self.frames - max(1, round(seconds * self.fps)))
        begin = self.pts[-1] - (seconds - 1.5 / self.fps) / float(self.time_base)
        return max(0, int(np.searchsorted(self.pts, begin, side="right")) - 1)
