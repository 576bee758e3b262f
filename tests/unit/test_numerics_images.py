"""Images whose pixels mean nothing by themselves are refused, and a cover image is not taken for the video."""

from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from ivvit.numerics.decode import UnreadableError, decode_all, video_stream
from ivvit.numerics.images import read_image


@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_pixels_of_unknown_range_are_no_image(dtype: type, tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 100_000, dtype)).save(tmp_path / "x.tiff")
    with pytest.raises(UnreadableError, match="convert it to 8 or 16 bits"):
        read_image(tmp_path / "x.tiff")


def test_sixteen_bits_are_scaled(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 0x8000, np.uint16)).save(tmp_path / "x.png")
    assert np.asarray(read_image(tmp_path / "x.png")).flatten().tolist() == [0x80] * 192


def write_with_cover(path: Path, frames: int) -> None:
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        stream = container.add_stream("mpeg4", rate=25) if frames else None
        if stream is not None:
            stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.full((64, 64, 3), 200, np.uint8), format="rgb24")
        container.mux([*cover.encode(picture), *cover.encode(None)])
        if stream is not None:
            for grey in range(frames):
                frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), grey, np.uint8), format="rgb24")
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


def test_the_cover_image_is_not_the_video(tmp_path: Path) -> None:
    write_with_cover(tmp_path / "x.mp4", frames=5)
    assert [frame.width for frame in decode_all(tmp_path / "x.mp4")] == [32] * 5
    with av.open(str(tmp_path / "x.mp4")) as container:
        streams = list(container.streams.video)
        assert len(streams) == 2
        assert video_stream(streams).width == video_stream(streams[::-1]).width == 32


def test_a_cover_picture_alone_is_no_video(tmp_path: Path) -> None:
    write_with_cover(tmp_path / "x.mp4", frames=0)
    with pytest.raises(UnreadableError, match="a cover image and no video stream"):
        list(decode_all(tmp_path / "x.mp4"))
