"""A file's hash and what its first and last bytes say."""

from pathlib import Path
from typing import BinaryIO

IMAGE_SIGNATURES = {"jpg": b"\xff\xd8\xff", "png": b"\x89PNG", "gif": b"GIF8", "bmp": b"BM"}
SAME_TYPE = {"jpeg": "jpg", "jpe": "jpg"}


def missing_bytes(path: Path, size: int) -> int:
    """How many bytes an MP4, MOV or AVI file says it has beyond its end: a download or copy that broke off."""
    with path.open("rb") as stream:
        head = stream.read(12)
        if head[:4] == b"RIFF":
            return max(0, 8 + int.from_bytes(head[4:8], "little") - size)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return max(0, _end_of_boxes(stream, size) - size)
    return 0


def _end_of_boxes(stream: BinaryIO, size: int) -> int:
    """Where the last box (ISO/IEC 14496-12, 4.2) of a file ends; 0 as a length means the end of the file."""
    end = 0
    while end + 8 <= size:
        stream.seek(end)
        header = stream.read(16)
        length = int.from_bytes(header[:4], "big")
        if length == 1:
            length = int.from_bytes(header[8:16], "big")
        if length < 8:
            return size
        end += length
    return end


def other_type(path: Path) -> str | None:
    """The image type that a file's first bytes show, where its extension says another."""
    extension = path.suffix.lower().lstrip(".")
    extension = SAME_TYPE.get(extension, extension)
    with path.open("rb") as stream:
        head = stream.read(8)
    found = next((name for name, signature in IMAGE_SIGNATURES.items() if head.startswith(signature)), None)
    return found if found and extension in IMAGE_SIGNATURES and found != extension else None
