"""Frames, or a part of each, from a file of the frame store in Motion-JPEG: no demultiplexer, one call of the decoder.

The store's JPEGs have a restart marker every few columns of blocks (`ivvit.data.extraction.jpeg`), after which nothing
depends on what was before. So the segments that a crop touches, of all frames of a clip, are joined into one tall
image that libjpeg-turbo decodes at once. It upsamples colour without smoothing, so that no pixel depends on another
block: a part has the very pixels of the whole, and both are the same on every processor.
"""

import os
import struct
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np

from ivvit.numerics.decode import Box, Choose, UnreadableError
from ivvit.numerics.timeline import Timeline

TALLEST = 65_500  # pixels of a JPEG (libjpeg's own limit)
_memory = threading.local()


@dataclass(frozen=True)
class Form:
    """What a JPEG's header says; all frames of a stored file have the same."""

    height: int
    width: int
    block: tuple[int, int]
    """Pixels of a block (MCU): height, width."""
    interval: int
    """Blocks between two restart markers; a row of blocks is a multiple of it."""
    size_at: int
    """Where the header has the height and width."""

    @property
    def grid(self) -> tuple[int, int]:
        """Rows, and segments in each."""
        return -(-self.height // self.block[0]), -(-self.width // self.block[1]) // self.interval


def read_jpegs(
    path: Path | str, timeline: Timeline, indices: Sequence[int], choose: Choose | None = None
) -> np.ndarray:
    """Frames (len(indices), H, W, 3) uint8 RGB, or the part of each that `choose` names; indices may repeat.

    Raises:
        UnreadableError: the file is no file of the store, or a frame is corrupt or not in it.
    """
    wanted = sorted(set(indices))
    try:
        frames = _packets(path, wanted)
        head = _head(frames[0])
        form = _form(head)
        if any(not frame.startswith(head) for frame in frames):
            raise UnreadableError("its frames differ in form")
        box = choose(form.height, form.width) if choose else (0, 0, form.height, form.width)
        most = max(1, TALLEST // (form.grid[0] * form.block[0]))
        parts = [_decode(frames[i : i + most], head, form, box) for i in range(0, len(frames), most)]
    except FileNotFoundError:
        raise UnreadableError(f"{path} is missing in the frame store; run `ivvit extract`") from None
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    except (ValueError, IndexError, struct.error) as error:
        raise UnreadableError(f"it is damaged ({error})") from error
    pixels = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return pixels if wanted == list(indices) else pixels[[wanted.index(index) for index in indices]]


def _packets(path: Path | str, indices: list[int]) -> list[bytes]:
    """The coded frames with these numbers."""
    file = os.open(path, os.O_RDONLY)
    try:
        first, sizes = _index(file)
        if indices[-1] >= len(sizes):
            raise UnreadableError(f"frame {indices[-1]} is not in the file; it was changed or cut after its validation")
        ends = first + np.cumsum(sizes)
        found = [os.pread(file, int(sizes[index]), int(ends[index] - sizes[index])) for index in indices]
    finally:
        os.close(file)
    if any(len(frame) != sizes[index] for frame, index in zip(found, indices, strict=True)):
        raise UnreadableError("it is truncated")
    return found


def _index(file: int) -> tuple[int, np.ndarray]:
    """(where the first frame begins, the frames' sizes) of an MP4 with one track (ISO/IEC 14496-12)."""
    place, media = 0, None
    while header := os.pread(file, 16, place):
        size, kind = struct.unpack(">I4s", header[:8])
        begin = place + 8
        if size == 1:
            size, begin = struct.unpack(">Q", header[8:16])[0], place + 16
        if kind == b"mdat":
            media = begin
        elif kind == b"moov" and media is not None:
            return media, _sizes(os.pread(file, size, place))
        if size < 8:
            break
        place += size
    raise ValueError("it has no index of frames")


def _sizes(moov: bytes) -> np.ndarray:
    at = moov.index(b"stsz") + 8
    same, count = struct.unpack(">II", moov[at : at + 8])
    if same:
        return np.full(count, same, np.int64)
    return np.frombuffer(moov, ">u4", count, at + 8).astype(np.int64)


def _head(jpeg: bytes) -> bytes:
    """All before the coded blocks."""
    scan = jpeg.index(b"\xff\xda")
    return jpeg[: scan + 2 + int.from_bytes(jpeg[scan + 2 : scan + 4], "big")]


@lru_cache(maxsize=64)
def _form(head: bytes) -> Form:
    place, frame, interval = 2, 0, 0
    while place < len(head):
        marker, length = struct.unpack(">HH", head[place : place + 4])
        if marker == 0xFFC0:
            frame = place
        elif marker == 0xFFDD:
            interval = int.from_bytes(head[place + 4 : place + 6], "big")
        place += 2 + length
    height, width, sampling = struct.unpack(">HH2xB", head[frame + 5 : frame + 12])
    form = Form(height, width, (8 * (sampling & 15), 8 * (sampling >> 4)), interval, frame + 5)
    if not interval or -(-width // form.block[1]) % interval:
        raise ValueError("it has no restart markers where the store puts them")
    return form


def _decode(frames: list[bytes], head: bytes, form: Form, box: Box) -> np.ndarray:
    """The part of each frame, (T, height, width, 3)."""
    from simplejpeg import decode_jpeg  # here, because training on images must not need it

    top, left, height, width = box
    high, wide = form.block[0], form.block[1] * form.interval
    rows, columns = range(top // high, -(-(top + height) // high)), range(left // wide, -(-(left + width) // wide))
    tall, broad = len(frames) * len(rows) * high, min(len(columns) * wide, form.width - columns.start * wide)
    last = min(rows.stop * high, form.height) - rows.start * high
    image = _joined(frames, head, form, rows, columns, (tall, broad))
    pixels = decode_jpeg(image, "RGB", fastupsample=True, buffer=_buffer(tall * broad * 3))
    pixels = pixels.reshape(len(frames), -1, broad, 3)[:, :last]
    top, left = top - rows.start * high, left - columns.start * wide
    return pixels[:, top : top + height, left : left + width].copy()


def _joined(
    frames: list[bytes], head: bytes, form: Form, rows: range, columns: range, size: tuple[int, int]
) -> bytearray:
    """A JPEG of the segments at these rows and columns of each frame, one frame below the other."""
    content = b"".join(frames)
    begins, ends = _segments(content, [len(frame) for frame in frames], len(head), form)
    begins, ends = (found[:, rows.start : rows.stop, columns.start : columns.stop] for found in (begins, ends))
    first, last = begins[..., 0].ravel(), ends[..., -1].ravel() + 2  # a segment's end is its marker, of two bytes
    moved = np.cumsum(last - first) - last + len(head)
    view = memoryview(content)
    pieces = [view[one:two] for one, two in zip(first.tolist(), last.tolist(), strict=True)]
    image = bytearray(b"".join([head, *pieces]))
    struct.pack_into(">HH", image, form.size_at, *size)
    markers = (ends.reshape(len(first), -1) + moved[:, None]).ravel()
    array = np.frombuffer(image, np.uint8)
    array[markers + 1] = 0xD0 + (np.arange(len(markers)) & 7)
    array[-1] = 0xD9  # the end of the image in place of the last restart
    return image


def _segments(content: bytes, sizes: list[int], head: int, form: Form) -> tuple[np.ndarray, np.ndarray]:
    """Where each segment begins in the frames, and where the marker after it is; (T, rows, segments) each."""
    rows, columns = form.grid
    array, stops = np.frombuffer(content, np.uint8), np.cumsum(sizes)
    found = np.flatnonzero(array[:-1] == 0xFF)
    found = found[array[found + 1] & 0xF8 == 0xD0]
    if len(found) != len(sizes) * (rows * columns - 1) or (array[stops - 1] != 0xD9).any():
        raise ValueError("a frame is corrupt")
    ends = np.concatenate([found.reshape(len(sizes), -1), stops[:, None] - 2], 1)
    begins = np.concatenate([(stops - sizes + head)[:, None], ends[:, :-1] + 2], 1)
    return begins.reshape(-1, rows, columns), ends.reshape(-1, rows, columns)


def _buffer(size: int) -> np.ndarray:
    """Memory of this thread's that is used again and again: fresh pages cost more than some of the decoding."""
    if len(getattr(_memory, "bytes", ())) < size:
        _memory.bytes = np.empty(size, np.uint8)
    return _memory.bytes
