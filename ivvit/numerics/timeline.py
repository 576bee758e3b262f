"""When each frame of a video is shown, and from where it can be decoded: what a full decode found out.

Kept in the manifest, so that no loader has to guess: time stamps in files may be missing, out of order or plainly
wrong (H.264 in AVI, packed B-frames), while the order in which a decoder gives the frames is certain.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np


@dataclass(frozen=True)
class Key:
    """A key frame at which decoding can begin: its number, its packet's place in the file, its time stamps."""

    index: int
    pos: int
    pts: int
    dts: int


@dataclass(frozen=True)
class Timeline:
    """The frames of a video in the order of presentation.

    `first` and `step` (in units of `time_base` seconds) describe a constant rate; `pts` lists the time stamps of a
    variable one. `keys` has a row (index, pos, pts, dts) per key frame that decoding can start from. `stamped`: the
    packets' own time stamps tell which frame each becomes.
    """

    frames: int
    fps: float
    time_base: Fraction
    first: int = 0
    step: int = 1
    pts: np.ndarray | None = None
    keys: np.ndarray | None = None
    stamped: bool = False

    def pts_of(self, index: int) -> int:
        """The time stamp of frame `index`, in units of `time_base`."""
        return self.first + index * self.step if self.pts is None else int(self.pts[index])

    def seconds(self, index: int) -> float:
        """When frame `index` is shown, in seconds after the first."""
        return float((self.pts_of(index) - self.pts_of(0)) * self.time_base)

    def key_before(self, index: int) -> Key | None:
        """The last key frame at or before frame `index`; None where decoding must begin with the file."""
        if self.keys is None:
            return None
        row = int(np.searchsorted(self.keys[:, 0], index, side="right")) - 1
        return Key(*self.keys[row].tolist()) if row >= 0 else None

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
