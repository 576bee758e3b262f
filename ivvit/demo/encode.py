"""Encodes frames as a video file, with the same bytes every time."""

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import av
from av.video.stream import VideoStream

from ivvit.demo.drawing import Bytes


@dataclass(frozen=True)
class Coding:
    """A codec with its settings; the container follows from the file's name."""

    codec: str
    pixels: str
    options: dict[str, str] = field(default_factory=dict)
    tag: str | None = None


XVID = Coding("mpeg4", "yuv420p", {"flags": "+qscale", "global_quality": "118", "qmin": "1"}, tag="XVID")
"""UCF101's coding, at quantiser 1 (118 is its lambda): coarse coding leaves traces of the direction in frames."""
SETTLED = "rc-lookahead=0:sync-lookahead=0:mbtree=0:b-adapt=0:scenecut=0:weightp=0"
"""x264 without lookahead, which bases decisions on uninitialised memory (seen with AVX-512)."""
H264 = Coding("libx264", "yuv420p", {"crf": "4", "preset": "veryfast", "x264-params": f"{SETTLED}:bframes=0"})
"""Kinetics' coding, close to lossless."""
FFV1 = Coding("ffv1", "bgr0")
"""Lossless RGB."""


def write_video(path: Path, frames: Bytes, coding: Coding, fps: int) -> None:
    """Encode `frames` (T, H, W, 3) uint8 RGB."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream(coding.codec, rate=Fraction(fps), options=coding.options)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = coding.pixels
        stream.codec_context.thread_count = 1  # slices and rate control depend on the number of threads
        if coding.tag:
            stream.codec_context.codec_tag = coding.tag
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
