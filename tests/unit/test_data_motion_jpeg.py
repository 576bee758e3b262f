"""The frame store's JPEGs: FFmpeg's own at the same quality, and parts of them are parts of the whole, to the bit."""

import io
import os
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from made_videos import encode, picture
from PIL import Image

from ivvit.config.datasets import StoreOptions
from ivvit.data.extraction import jpeg
from ivvit.data.extraction.encode import write_stored
from ivvit.data.validation.probe import probe
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.images import read_image, read_pixels
from ivvit.numerics.motion_jpeg import read_jpegs
from ivvit.numerics.timeline import Timeline
from ivvit.use.media import timeline_of

# Height, width and pixel format: blocks that fit, do not fit, are prime in number; each way to sample colour.
FORMS = [(64, 96, "yuv420p"), (50, 70, "yuv420p"), (48, 368, "yuv420p"), (50, 70, "yuv422p"), (50, 70, "yuv444p")]


def stored(folder: Path, height: int, width: int, pix_fmt: str, quality: int = 3) -> tuple[Path, Timeline]:
    source, target = folder / "source.mkv", folder / "stored.mp4"
    encode(source, "ffv1", {}, pix_fmt=pix_fmt, frames=9, size=(width, height))
    timeline = timeline_of(probe(source, True))
    write_stored(source, target, timeline, StoreOptions(short_side=1000, quality=quality))
    return target, timeline


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_part_is_that_of_the_whole(tmp_path: Path, form: tuple[int, int, str]) -> None:
    file, timeline = stored(tmp_path, *form)
    whole = read_jpegs(file, timeline, range(9))
    height, width = whole.shape[1:3]
    assert (height, width) == form[:2]
    rng = np.random.default_rng(0)
    boxes = [(0, 0, height, width), (height - 1, width - 1, 1, 1), (17, 33, 16, 16)]
    for _ in range(20):
        (top, bottom), (left, right) = (sorted(rng.choice(side + 1, 2, replace=False)) for side in (height, width))
        boxes.append((int(top), int(left), int(bottom - top), int(right - left)))
    for top, left, h, w in boxes:
        indices = [*sorted(rng.choice(9, 3, replace=False).tolist()), 0, 0]
        part = read_jpegs(file, timeline, indices, lambda *_, box=(top, left, h, w): box)
        assert (part == whole[indices, top : top + h, left : left + w]).all(), (top, left, h, w)


def test_other_decoders_see_the_same_pictures(tmp_path: Path) -> None:
    file, timeline = stored(tmp_path, 50, 70, "yuv444p")
    with av.open(str(file)) as container:
        theirs = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert np.abs(read_jpegs(file, timeline, range(9)).astype(int) - theirs).max() <= 3


@pytest.mark.parametrize("quality", [1, 3, 16])
def test_the_quality_is_ffmpeg_s(quality: int) -> None:
    context = av.CodecContext.create("mjpeg", "w")
    context.width, context.height, context.pix_fmt, context.framerate = 32, 32, "yuvj420p", 25
    context.options = {"qmin": str(quality), "qmax": str(quality)}
    frame = av.VideoFrame.from_ndarray(picture(0, 32, 32), format="rgb24").reformat(format="yuvj420p")
    (packet,) = [*context.encode(frame), *context.encode(None)]
    theirs = Image.open(io.BytesIO(bytes(packet))).quantization
    mine = Image.open(io.BytesIO(jpeg.encode(frame, quality))).quantization
    assert set(map(tuple, mine.values())) == set(map(tuple, theirs.values())) and mine[0][0] == 8


def test_segments_fill_rows() -> None:
    assert [jpeg.interval(width, 16) for width in (320, 427, 568, 368, 16)] == [2, 3, 2, 1, 1]
    assert jpeg.interval(320, 8) == 4


def test_damage_is_named(tmp_path: Path) -> None:
    file, timeline = stored(tmp_path, 50, 70, "yuv420p")
    with pytest.raises(UnreadableError, match="frame 12 is not in the file"):
        read_jpegs(file, timeline, [0, 12])
    content = file.read_bytes()
    where = content.index(b"\xff\xd3")
    cases = {"corrupt": content[: where + 1] + b"\x00" + content[where + 2 :], "no index": content[:200], "empty": b""}
    cases["cut"] = content[: content.index(b"mdat") + 1000] + content[content.index(b"moov") - 4 :]
    for case, bad in cases.items():
        file.write_bytes(bad)
        with pytest.raises(UnreadableError):
            read_jpegs(file, timeline, range(9))
            pytest.fail(case)
    file.unlink()
    with pytest.raises(UnreadableError, match="missing in the frame store; run `ivvit extract`"):
        read_jpegs(file, timeline, [0])


DIGEST = """
import hashlib, sys
from pathlib import Path
from ivvit.config.datasets import StoreOptions
from ivvit.data.extraction.encode import write_stored
from ivvit.data.validation.probe import probe
from ivvit.numerics.motion_jpeg import read_jpegs
from ivvit.use.media import timeline_of
source, target = Path(sys.argv[1]), Path(sys.argv[2])
timeline = timeline_of(probe(source, True))
write_stored(source, target, timeline, StoreOptions())
pixels = read_jpegs(target, timeline, range(9), lambda height, width: (3, 5, 40, 44))
print(hashlib.sha256(target.read_bytes()).hexdigest(), hashlib.sha256(pixels.tobytes()).hexdigest())
"""


def test_the_same_bits_on_other_processors(tmp_path: Path) -> None:
    """libjpeg-turbo without vector instructions, and memory that nobody wrote with other content."""
    source = encode(tmp_path / "source.mkv", "ffv1", {}, pix_fmt="yuv420p", frames=9, size=(70, 50))
    found = set()
    for changes in ({}, {"JSIMD_FORCENONE": "1", "MALLOC_PERTURB_": "85"}):
        command = [sys.executable, "-c", DIGEST, str(source), str(tmp_path / "stored.mp4")]
        done = subprocess.run(command, env=os.environ | changes, capture_output=True, text=True, check=True)
        found.add(done.stdout)
    assert len(found) == 1


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("extra", [{}, {"progressive": True}, {"subsampling": 0}, {"exif": b"Exif\x00\x00MM\x00*"}])
def test_jpegs_have_pillow_s_pixels(tmp_path: Path, mode: str, extra: dict[str, object]) -> None:
    file = tmp_path / "x.jpg"
    Image.fromarray(picture(3, 61, 45)).convert(mode).save(file, quality=80, **extra)
    assert (read_pixels(file) == np.asarray(read_image(file))).all()
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(UnreadableError, match="truncated"):
        read_pixels(file)
