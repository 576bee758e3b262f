"""Videos that are hard to read exactly, made for the tests: each function writes one file."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from ivvit.demo.encode import SETTLED

FRAMES, WIDTH, HEIGHT = 60, 64, 48


def picture(index: int, width: int = WIDTH, height: int = HEIGHT) -> np.ndarray:
    """A picture unlike those of all other frames: moving gradients and a block that says the index in binary."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([(x * 3 + index * 7) % 256, (y * 4 + index * 5) % 256, (x + y + index * 11) % 256], -1)
    for bit in range(6):
        pixels[4:12, 4 + 8 * bit : 11 + 8 * bit] = 255 * (index >> bit & 1)
    return pixels.astype(np.uint8)


def encode(path: Path, codec: str, options: dict[str, str], *, pix_fmt: str = "yuv420p", rate: int = 25,
           stamps: list[int] | None = None, time_base: Fraction | None = None, rotation: int = 0,
           bframes: int = 0, frames: int = FRAMES, offset: int = 0,
           size: tuple[int, int] = (WIDTH, HEIGHT)) -> Path:  # fmt: skip
    """Code `frames` pictures from number `offset` on; `stamps` are their times (by default a constant rate)."""
    base = time_base or Fraction(1, rate)
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:  # no random ids
        stream = container.add_stream(codec, rate=rate, options={"threads": "1", **options})
        stream.width, stream.height, stream.pix_fmt = *size, pix_fmt
        stream.time_base = stream.codec_context.time_base = base
        if bframes:
            stream.codec_context.max_b_frames = bframes
        if rotation:
            stream.set_display_rotation(rotation)
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index + offset, *size), format="rgb24").reformat(format=pix_fmt)
            frame.pts, frame.time_base = (stamps[index] if stamps else index), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def _x264(params: str) -> dict[str, str]:
    return {"preset": "veryfast", "crf": "20", "x264-params": f"{SETTLED}:{params}"}


IRREGULAR = [0, *np.cumsum([33, 34, 33, 50, 17, 100, 33, 33] * 8).tolist()][:FRAMES]

CASES: dict[str, Callable[[Path], Path]] = {
    "b-frames.mp4": lambda p: encode(p, "libx264", _x264("keyint=12:bframes=3")),
    "open-gop.mp4": lambda p: encode(p, "libx264", _x264("keyint=12:bframes=3:open-gop=1")),
    "open-gop.mkv": lambda p: encode(p, "libx264", _x264("keyint=12:bframes=3:open-gop=1")),
    "one-key.mp4": lambda p: encode(p, "libx264", _x264("keyint=1000:bframes=2")),
    "intra-refresh.mp4": lambda p: encode(  # scene cuts make its key frames unsound
        p, "libx264", _x264("keyint=20:intra-refresh=1:bframes=0:scenecut=40")
    ),
    "vfr.mp4": lambda p: encode(p, "libx264", _x264("keyint=10:bframes=2"), stamps=IRREGULAR,
                                time_base=Fraction(1, 1000)),
    "vfr.mkv": lambda p: encode(p, "libx264", _x264("keyint=10:bframes=2"), stamps=IRREGULAR,
                                time_base=Fraction(1, 1000)),
    "h264.avi": lambda p: encode(p, "libx264", _x264("keyint=12:bframes=3")),
    "ntsc.mkv": lambda p: encode(p, "libx264", _x264("keyint=10:bframes=2"), time_base=Fraction(1001, 30000)),
    "late-start.mp4": lambda p: encode(p, "libx264", _x264("keyint=10:bframes=2"), stamps=list(range(7, 7 + FRAMES))),
    "rotated.mp4": lambda p: encode(p, "libx264", _x264("keyint=10"), rotation=90),
    "open-gop-hevc.mp4": lambda p: encode(p, "libx265", {"x265-params": "keyint=12:bframes=3:open-gop=1:log-level=0"}),
    "mpeg4-b.avi": lambda p: encode(p, "mpeg4", {"g": "12", "qscale": "3", "flags": "+qscale"}, bframes=2),
    "mpeg2-b.mpg": lambda p: encode(p, "mpeg2video", {"g": "12"}, bframes=2),
    "mpeg2-b.ts": lambda p: encode(p, "mpeg2video", {"g": "12"}, bframes=2),
    "vp9.webm": lambda p: encode(p, "libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "g": "10"}),
    "lossless-rgb.mkv": lambda p: encode(p, "ffv1", {}, pix_fmt="bgr0"),
}  # fmt: skip
"""Every case by the name of its file."""
