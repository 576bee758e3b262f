"""Exactly the frames asked for, from a video file.

PyAV is imported inside the functions: training on images must not need it. Decoders run on one thread, for a loader's
workers are the parallelism.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ivvit.data.timeline import Timeline

if TYPE_CHECKING:
    import av


class UnreadableError(Exception):
    """A sample that cannot be read; the message is the reason, without the file's name."""


@contextmanager
def open_video(path: Path | str) -> Iterator[tuple[Any, Any]]:
    """(container, its first video stream), closed afterwards. Metadata that is not UTF-8 is no obstacle.

    Raises:
        UnreadableError: it is no video, or has no video stream.
    """
    import av

    try:
        container = av.open(str(path), metadata_errors="ignore")
    except (av.FFmpegError, OSError) as error:
        raise UnreadableError(error.strerror or str(error)) from error
    with container:
        if not container.streams.video:
            raise UnreadableError("it has no video stream")
        stream = container.streams.video[0]
        stream.thread_type, stream.thread_count = "NONE", 1
        yield container, stream


def decode_all(path: Path | str) -> "Iterator[av.VideoFrame]":
    """All frames in the order of presentation.

    Raises:
        UnreadableError: the file is damaged.
    """
    import av

    with open_video(path) as (container, stream):
        try:
            yield from container.decode(stream)
        except (av.FFmpegError, OSError) as error:
            raise UnreadableError(error.strerror or str(error)) from error


def read_frames(path: Path | str, timeline: Timeline, indices: Sequence[int], all_intra: bool = False) -> np.ndarray:
    """Frames (len(indices), H, W, 3) uint8 RGB; indices ascend and may repeat.

    Bit for bit what a full decode gives. With `all_intra` (the frame store) only the wanted packets are decoded.

    Raises:
        UnreadableError: a frame cannot be decoded, or is not in the file.
    """
    wanted = sorted(set(int(i) for i in indices))
    found = dict(_frames(path, timeline, wanted, all_intra))
    missing = [index for index in wanted if index not in found]
    if missing:
        raise UnreadableError(f"frame {missing[0]} of {timeline.frames} is not in the file; was it changed?")
    return np.stack([found[int(i)] for i in indices])


def _frames(
    path: Path | str, timeline: Timeline, wanted: list[int], all_intra: bool
) -> Iterator[tuple[int, np.ndarray]]:
    import av

    convert = RGB()
    with open_video(path) as (container, stream):
        try:
            frames = (
                _by_time(container, stream, timeline, wanted, all_intra)
                if timeline.seekable
                else _by_count(container, stream, wanted)
            )
            for index, frame in frames:
                if frame.is_corrupt:
                    raise UnreadableError(f"frame {index} is corrupt")
                yield index, convert(frame)
        except (av.FFmpegError, OSError) as error:
            raise UnreadableError(error.strerror or str(error)) from error


def _by_count(container: Any, stream: Any, wanted: list[int]) -> "Iterator[tuple[int, av.VideoFrame]]":
    """Count frames as the decoder gives them, from the start."""
    remaining = set(wanted)
    for index, frame in enumerate(container.decode(stream)):
        if index in remaining:
            yield index, frame
        if index == wanted[-1]:
            return


def _by_time(
    container: Any, stream: Any, timeline: Timeline, wanted: list[int], all_intra: bool
) -> "Iterator[tuple[int, av.VideoFrame]]":
    """Seek to the key frame at or before the first wanted frame and match time stamps."""
    at = {timeline.pts_of(index): index for index in wanted}
    first, last = min(at), max(at)
    for packet in _packets_from(container, stream, first, wanted[0]):
        if all_intra and packet.dts is not None and packet.pts not in at:
            if packet.pts > last:
                return
            continue
        for frame in packet.decode():
            if frame.pts in at:
                yield at[frame.pts], frame
            if frame.pts is not None and frame.pts >= last:
                return


def _packets_from(container: Any, stream: Any, pts: int, index: int) -> Iterator[Any]:
    """Packets from a key frame shown at or before `pts`: a later one cannot give the frames shown before it.

    A seek finds key frames by decoding time, and in an open group of pictures frames that follow the key frame in
    the file may be shown before it; one step further back then.
    """
    target = pts
    while index > 0:
        container.seek(target, stream=stream, backward=True)
        packets = container.demux(stream)
        key = next(packets, None)
        if key is not None and key.pts is not None and key.pts <= pts:
            yield key
            yield from packets
            return
        earlier = (key.dts if key is not None and key.dts is not None else target) - 1
        if earlier >= target or earlier < (stream.start_time or 0):
            break
        target = earlier
    container.seek(stream.start_time or 0, stream=stream, backward=True)
    yield from container.demux(stream)


class RGB:
    """Converts frames to upright RGB arrays (H, W, 3); one scaler is kept for all frames of a file."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def __call__(self, frame: "av.VideoFrame") -> np.ndarray:
        pixels = self._reformatter.reformat(frame, format="rgb24").to_ndarray()
        return upright(pixels, frame.rotation)


def upright(pixels: np.ndarray, rotation: int) -> np.ndarray:
    """Turn an array (H, W, ...) as its display matrix asks (degrees counter-clockwise, multiples of 90)."""
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
