"""Decode a whole video: its frames, their time stamps, and the key frames from which it can be decoded exactly."""

import zlib
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ivvit.data.validation.access import of_access
from ivvit.data.validation.content import missing_bytes
from ivvit.numerics.decode import RGB, UnreadableError, open_video, read_frames
from ivvit.numerics.timeline import Timeline

AFTER_KEY = 3
"""Frames compared from a key frame on, besides the last one before the next key frame."""
AMONG = (5, 13, 29)
"""Frames compared where others are left out."""


@dataclass
class _Pass:
    """What a full decode saw."""

    format: Any
    time_base: Fraction
    rate: Fraction
    pts: list[int | None] = field(default_factory=list)
    packets: list[int | None] = field(default_factory=list)
    key_packets: list[tuple[int, int, int]] = field(default_factory=list)
    key_frames: list[int] = field(default_factory=list)
    checksums: dict[int, int] = field(default_factory=dict)
    corrupt: int = 0
    sizes: set[tuple[int, int]] = field(default_factory=set)


def probe_video(path: Path, size: int) -> dict[str, Any]:
    """Fields of a Finding for a video.

    Raises:
        UnreadableError: it is damaged; the message says how.
    """
    if missing := missing_bytes(path, size):
        raise UnreadableError(f"it is truncated: {missing} bytes are missing at its end")
    seen = _decode(path)
    if seen.format.name.endswith("_pipe") or seen.format.name == "image2":
        raise UnreadableError(f"it is an image ({seen.format.name.removesuffix('_pipe')}), not a video")
    if not seen.pts:
        raise UnreadableError("it has no frames")
    if len(seen.sizes) > 1:
        raise UnreadableError(f"its frames change size: {', '.join(f'{w}x{h}' for w, h in sorted(seen.sizes))}")
    if seen.corrupt:
        raise UnreadableError(f"{seen.corrupt} of its {len(seen.pts)} frames are corrupt")
    timeline = _timeline(seen)
    stamped, timeline = _stamped(path, timeline, seen), replace(timeline, keys=_keys(seen))
    remarks = _misnamed(path, seen.format)
    (width, height), *_ = seen.sizes
    if timeline.keys is None or not _exact(path, timeline, timeline.keys, seen):
        timeline = replace(timeline, keys=None)
        remarks += ["key frames cannot be told for sure: each clip is decoded from the start of the file"]
    return {
        "frames": timeline.frames, "fps": timeline.fps, "width": width, "height": height,
        "time_base": str(timeline.time_base), "first_pts": timeline.first, "pts_step": timeline.step,
        "pts": [] if timeline.pts is None else timeline.pts.tolist(),
        "keys": [] if timeline.keys is None else timeline.keys.ravel().tolist(),
        "stamped": stamped, "remarks": remarks,
    }  # fmt: skip


def _misnamed(path: Path, container: Any) -> list[str]:
    """A remark where the extension is of another container; it is read by its content all the same."""
    known = container.extensions
    if not known or path.suffix.lower().lstrip(".") in known:
        return []
    return [f"its content is {container.name.split(',')[0]}, not {path.suffix}"]


def _decode(path: Path) -> _Pass:
    with open_video(path) as (container, stream):
        seen = _Pass(container.format, stream.time_base, stream.average_rate or stream.guessed_rate or Fraction(25))
        convert, previous = RGB(), None
        for packet in container.demux(stream):
            if packet.size:
                seen.packets.append(packet.pts)
            if packet.is_keyframe and not packet.is_discard and packet.pos is not None:
                seen.key_packets.append((packet.pos, *_stamps(packet)))
            for frame in packet.decode():
                _see(seen, frame, previous, convert)
                previous = frame
        if previous is not None:
            seen.checksums[len(seen.pts) - 1] = _checksum(convert, previous)
    return seen


def _stamps(packet: Any) -> tuple[int, int]:
    """(pts, dts), each standing in for the other where it is missing."""
    pts = packet.pts if packet.pts is not None else packet.dts
    dts = packet.dts if packet.dts is not None else pts
    return pts or 0, dts or 0


def _see(seen: _Pass, frame: Any, previous: Any, convert: RGB) -> None:
    """Take note of a frame; checksums of a few frames around each key frame."""
    index = len(seen.pts)
    seen.pts.append(frame.pts)
    seen.corrupt += frame.is_corrupt
    seen.sizes.add((frame.width, frame.height) if frame.rotation % 180 == 0 else (frame.height, frame.width))
    if frame.key_frame:
        seen.key_frames.append(index)
        if previous is not None:
            seen.checksums[index - 1] = _checksum(convert, previous)
    if index in AMONG or (seen.key_frames and index < seen.key_frames[-1] + AFTER_KEY):
        seen.checksums[index] = _checksum(convert, frame)


def _checksum(convert: RGB, frame: Any) -> int:
    return zlib.crc32(np.ascontiguousarray(convert(frame)).data)


def _timeline(seen: _Pass) -> Timeline:
    """The time line that the time stamps give; one at the average rate where they are missing or out of order."""
    stamps = [stamp for stamp in seen.pts if stamp is not None]
    if len(stamps) < len(seen.pts) or any(b <= a for a, b in pairwise(stamps)):
        return Timeline(len(seen.pts), float(seen.rate), 1 / seen.rate)
    pts = np.array(stamps, dtype=np.int64)
    steps = np.unique(np.diff(pts))
    if len(steps) <= 1:
        step = int(steps[0]) if len(steps) else max(1, round(1 / (seen.rate * seen.time_base)))
        return Timeline(len(pts), float(1 / (step * seen.time_base)), seen.time_base, int(pts[0]), step)
    fps = float((len(pts) - 1) / (int(pts[-1] - pts[0]) * seen.time_base))
    return Timeline(len(pts), fps, seen.time_base, int(pts[0]), 0, pts)


def _stamped(path: Path, timeline: Timeline, seen: _Pass) -> bool:
    """Whether each frame has the time stamp of one packet, in order, and can be found by it."""
    own = {*seen.packets}
    if len(own) < len(seen.packets) or any(
        stamp != timeline.pts_of(index) or stamp not in own for index, stamp in enumerate(seen.pts)
    ):
        return False
    indices = [index for index in AMONG if index < timeline.frames]
    return bool(indices) and _same(path, replace(timeline, stamped=True), indices, seen)


def _keys(seen: _Pass) -> np.ndarray | None:
    """A row (index, pos, pts, dts) per key frame: key packets and key frames come in the same order."""
    pairs = list(zip(seen.key_frames, seen.key_packets, strict=False))
    return np.array([(index, *packet) for index, packet in pairs], dtype=np.int64) if pairs else None


def _spots(seen: _Pass, keys: np.ndarray) -> list[int]:
    """Which key frames to try: the second, the middle and the last; all where packets and frames differ in number."""
    if len(seen.key_frames) != len(seen.key_packets):
        return list(range(len(keys)))
    return sorted({1, len(keys) // 2, len(keys) - 1} & set(range(1, len(keys))))


def _exact(path: Path, timeline: Timeline, keys: np.ndarray, seen: _Pass) -> bool:
    """Whether decoding from key frames gives the pixels of the full decode."""
    starts = keys[:, 0].tolist()
    for number in _spots(seen, keys):
        end = starts[number + 1] if number + 1 < len(starts) else timeline.frames
        indices = sorted({i for i in (*range(starts[number], starts[number] + AFTER_KEY), end - 1) if i < end})
        if not _same(path, timeline, indices, seen):
            return False
    return True


def _same(path: Path, timeline: Timeline, indices: list[int], seen: _Pass) -> bool:
    """Whether frames that are read on their own are those of the full decode."""
    try:
        frames = read_frames(path, timeline, indices)
    except UnreadableError as error:
        if of_access(error):
            raise
        return False
    return all(zlib.crc32(pixels) == seen.checksums[index] for index, pixels in zip(indices, frames, strict=True))
