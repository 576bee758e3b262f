"""Exactly the frames asked for, from a video file.

Frames are known by their number in a full decode. PyAV is imported inside the functions: training on images must not
need it. Decoders and scalers run on one thread, for a loader's workers are the parallelism.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ivvit.numerics.timeline import Key, Timeline

if TYPE_CHECKING:
    import av

Numbered = Iterator[tuple[int, "av.VideoFrame"]]
Box = tuple[int, int, int, int]
"""A part of an image: top, left, height, width."""
Choose = Callable[[int, int], Box]
"""The part to read, of an image of this height and width."""


class UnreadableError(Exception):
    """A sample that cannot be read; the message is the reason, without the file's name."""


class _SeekError(Exception):
    """The container does not find a key frame again."""


@contextmanager
def open_video(path: Path | str) -> Iterator[tuple[Any, Any]]:
    """(container, its video stream), closed afterwards. Metadata that is not UTF-8 is no obstacle.

    Raises:
        UnreadableError: it is no video, has no video stream, or breaks while it is read.
    """
    import av

    try:
        with av.open(str(path), metadata_errors="ignore") as container:
            stream = video_stream(container.streams.video)
            stream.thread_type, stream.thread_count = "NONE", 1
            yield container, stream
    except (av.FFmpegError, OSError) as error:
        raise UnreadableError(error.strerror or str(error)) from error


def video_stream(streams: "Sequence[av.VideoStream]") -> Any:
    """The stream that is the video: a cover image may come before it.

    Raises:
        UnreadableError: there is none.
    """
    from av.stream import Disposition

    videos = [stream for stream in streams if not stream.disposition & Disposition.attached_pic]
    if not videos:
        raise UnreadableError("it has a cover image and no video stream" if streams else "it has no video stream")
    return next((stream for stream in videos if stream.disposition & Disposition.default), videos[0])


def decode_all(path: Path | str) -> "Iterator[av.VideoFrame]":
    """All frames in the order of presentation.

    Raises:
        UnreadableError: the file is damaged.
    """
    with open_video(path) as (container, stream):
        yield from container.decode(stream)


def read_frames(
    path: Path | str, timeline: Timeline, indices: Sequence[int], choose: Choose | None = None
) -> np.ndarray:
    """Frames (len(indices), H, W, 3) uint8 RGB of any video, bit for bit what a full decode gives.

    Decoding begins with the last key frame before the first wanted frame, as `timeline` knows it; indices may repeat.
    With `choose`, only that part of each frame.

    Raises:
        UnreadableError: a frame cannot be decoded, or is not in the file.
    """
    key = timeline.key_before(min(indices))
    known = {timeline.pts_of(index): index for index in indices}
    frames = partial(_known_frames, known) if timeline.stamped else _frames_from
    try:
        return _collect(path, indices, choose, lambda container, stream: frames(container, stream, key))
    except _SeekError:
        return _collect(path, indices, choose, lambda container, stream: frames(container, stream, None))


def read_intra_frames(
    path: Path | str, timeline: Timeline, indices: Sequence[int], choose: Choose | None = None
) -> np.ndarray:
    """The same from a file of the frame store, where each packet is a frame: only the wanted ones are decoded.

    Raises:
        UnreadableError: a frame cannot be decoded, or is not in the file.
    """
    if not Path(path).exists():
        raise UnreadableError(f"{path} is missing in the frame store; run `ivvit extract`")
    return _collect(path, indices, choose, lambda container, stream: _intra(container, stream, timeline, indices))


def _collect(
    path: Path | str, indices: Sequence[int], choose: Choose | None, frames: Callable[[Any, Any], Numbered]
) -> np.ndarray:
    """Convert the wanted ones of the numbered frames, which come in ascending order."""
    wanted, last = set(indices), max(indices)
    found: dict[int, np.ndarray] = {}
    convert = RGB()
    with open_video(path) as (container, stream):
        for index, frame in frames(container, stream):
            if index in wanted:
                if frame.is_corrupt:
                    raise UnreadableError(f"frame {index} is corrupt")
                found[index] = _part(convert(frame), choose)
            if index >= last:
                break
    missing = sorted(wanted - found.keys())
    if missing:
        raise UnreadableError(f"frame {missing[0]} is not in the file; it was changed or cut after its validation")
    if len({pixels.shape for pixels in found.values()}) > 1:
        raise UnreadableError("its frames change size")
    return np.stack([found[index] for index in indices])


def _part(pixels: np.ndarray, choose: Choose | None) -> np.ndarray:
    if choose is None:
        return pixels
    top, left, height, width = choose(*pixels.shape[:2])
    return pixels[top : top + height, left : left + width]


def _frames_from(container: Any, stream: Any, key: Key | None) -> Numbered:
    """Numbered frames from a key frame on, or from the start.

    Frames that the decoder gives before the key frame itself refer to an earlier one (open groups of pictures): they
    are passed over.
    """
    if key is None:
        yield from enumerate(container.decode(stream))
        return
    index = None
    for packet in _packets_from(container, stream, key):
        for frame in packet.decode():
            if index is None and not frame.key_frame:
                continue
            index = key.index if index is None else index + 1
            yield index, frame


def _known_frames(known: dict[int, int], container: Any, stream: Any, key: Key | None) -> Numbered:
    """The frames of the packets with these time stamps, numbered.

    Of the frames in between, the decoder leaves out those that no other refers to.
    """
    context, left = stream.codec_context, set(known)
    for packet in _packets_from(container, stream, key):
        context.skip_frame = "DEFAULT" if packet.pts in known else "NONREF"
        left.discard(packet.pts)
        yield from ((known[frame.pts], frame) for frame in packet.decode() if frame.pts in known)
        if not left:
            break
    yield from ((known[frame.pts], frame) for frame in context.decode(None) if frame.pts in known)


def _packets_from(container: Any, stream: Any, key: Key | None) -> Iterator[Any]:
    """Packets from the key frame's own on, which is recognised by its place in the file; without one, all.

    Demultiplexers differ in what they seek by: some take presentation, some decoding time.
    """
    if key is None:
        yield from container.demux(stream)
        return
    for target in dict.fromkeys((key.pts, key.dts)):
        container.seek(target, stream=stream, backward=True)
        packets = container.demux(stream)
        for packet in packets:
            if packet.pos is None or packet.pos > key.pos:
                break
            if packet.pos == key.pos:
                yield packet
                yield from packets
                return
    raise _SeekError


def _intra(container: Any, stream: Any, timeline: Timeline, indices: Sequence[int]) -> Numbered:
    scale = timeline.time_base / stream.time_base
    wanted = {round(timeline.pts_of(index) * scale): index for index in indices}
    first = min(wanted)
    if min(indices) > 0:
        container.seek(first, stream=stream, backward=True)
    for packet in container.demux(stream):
        if packet.pts in wanted:
            for frame in packet.decode():
                yield wanted[packet.pts], frame


class RGB:
    """Converts frames to upright RGB arrays (H, W, 3); one scaler is kept for all frames of a file."""

    def __init__(self) -> None:
        from av.video.reformatter import VideoReformatter

        self._reformatter = VideoReformatter()

    def __call__(self, frame: "av.VideoFrame") -> np.ndarray:
        pixels = self._reformatter.reformat(frame, format="rgb24", threads=1).to_ndarray()
        return upright(pixels, frame.rotation)


def upright(pixels: np.ndarray, rotation: int) -> np.ndarray:
    """Turn an array (H, W, ...) as its display matrix asks (degrees counter-clockwise, multiples of 90)."""
    turns = round(rotation / 90) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels
