"""Write one video of the frame store.

Motion-JPEG in MP4 by default: every frame is a key frame, any player opens it, and MP4 keeps the source's own time
stamps, which AVI cannot at a variable rate and Matroska rounds to milliseconds. Measured on real UCF101 and Kinetics
clips, bytes a pixel and PSNR against the decoded originals: quality 1: 0.28, 45 dB; 2: 0.19, 43; 3: 0.15, 42; 5: 0.12,
40; 8: 0.09, 37; 16: 0.06, 33, before the restart markers (see `jpeg`), which add a quarter. Quality 3 is below the
noise of the sources at half the size of 1, and decodes a third faster. H.264 with a key frame each is a third as large
and takes three times as long; FFV1 is lossless, three times as large and many times as slow: for data where every bit
counts.
"""

from pathlib import Path
from typing import Any

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from ivvit.config.datasets import StoreOptions
from ivvit.data.extraction.jpeg import encode
from ivvit.ground.files import explained, publish, temporary_beside
from ivvit.numerics.decode import RGB, decode_all
from ivvit.numerics.timeline import Timeline

SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.BITEXACT
"""Antialiased when shrinking, and the same on every processor."""


def write_stored(source: Path, target: Path, timeline: Timeline, options: StoreOptions) -> int:
    """Encode a video into the store and return its number of frames; `target` appears complete or not at all.

    The result depends on nothing but the source, the options and FFmpeg's version: no dates, one thread.

    Raises:
        UnreadableError: the source is damaged.
    """
    with explained(target), temporary_beside(target) as temporary:
        frames = _write(source, temporary, timeline, options)
        if frames == timeline.frames:
            publish(temporary, target)
    return frames


def _write(source: Path, temporary: Path, timeline: Timeline, options: StoreOptions) -> int:
    writer: _Writer | None = None
    count = 0
    muxer_options = {"fflags": "+bitexact", "video_track_timescale": str(timeline.time_base.denominator)}
    with av.open(str(temporary), "w", format="mp4", options=muxer_options) as container:
        for count, frame in enumerate(decode_all(source), 1):
            if count > timeline.frames:
                break
            writer = writer or _Writer(container, frame, timeline, options)
            writer.write(frame, count - 1)
        if writer is not None:
            writer.close()
    return count


class _Writer:
    """The video stream of a store file."""

    def __init__(self, container: Any, first: VideoFrame, timeline: Timeline, options: StoreOptions) -> None:
        self._container, self._timeline = container, timeline
        self._lossless, self._quality = options.codec == "ffv1", options.quality
        self._rgb, self._scale = RGB(), VideoReformatter()
        width, height = (first.width, first.height) if first.rotation % 180 == 0 else (first.height, first.width)
        self._size = fitted(width, height, options.short_side)
        self._stream = container.add_stream(options.codec, options=_codec_options(options))
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "bgr0" if self._lossless else jpeg_format(first.format.name)
        self._stream.time_base = self._stream.codec_context.time_base = timeline.time_base

    def write(self, frame: VideoFrame, index: int) -> None:
        """Scale, turn upright, convert and code one frame with the time stamp of frame `index`."""
        if self._lossless or frame.rotation:
            frame = VideoFrame.from_ndarray(self._rgb(frame), format="rgb24")
        # JPEG means BT.601 at full range, whatever the source's matrix and range are.
        target = {} if self._lossless else {"dst_colorspace": Colorspace.ITU601, "dst_color_range": ColorRange.JPEG}
        frame = self._scale.reformat(
            frame, *self._size, self._stream.pix_fmt, interpolation=SCALING, threads=1, **target
        )
        frame.pts, frame.time_base = self._timeline.pts_of(index), self._timeline.time_base
        self._container.mux(self._stream.encode(frame) if self._lossless else self._jpeg(frame))

    def _jpeg(self, frame: VideoFrame) -> Packet:
        """The frame as a packet."""
        packet = Packet(encode(frame, self._quality))
        packet.stream, packet.time_base, packet.is_keyframe = self._stream, self._timeline.time_base, True
        packet.pts = packet.dts = frame.pts
        return packet

    def close(self) -> None:
        """Write what the encoder still holds."""
        if self._lossless:
            self._container.mux(self._stream.encode(None))


def _codec_options(options: StoreOptions) -> dict[str, str]:
    common = {"flags": "+bitexact", "threads": "1"}
    return common | ({"level": "3", "slicecrc": "1", "g": "1"} if options.codec == "ffv1" else {})


def fitted(width: int, height: int, short_side: int) -> tuple[int, int]:
    """(width, height) with the short side at most `short_side`; the long side in proportion, even. Never enlarged."""
    if min(width, height) <= short_side:
        return width, height
    long_side = round(max(width, height) * short_side / min(width, height) / 2) * 2
    return (short_side, long_side) if width < height else (long_side, short_side)


def jpeg_format(source: str) -> str:
    """The JPEG pixel format that keeps the source's chroma resolution."""
    if any(part in source for part in ("420", "nv12", "nv21", "p010", "411", "410", "gray")):
        return "yuvj420p"
    return "yuvj422p" if any(part in source for part in ("422", "yuy", "nv16")) else "yuvj444p"
