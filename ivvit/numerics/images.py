"""Images of any mode as upright RGB."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

try:
    from simplejpeg import decode_jpeg
except ImportError:  # as on a node with little more than torch; Pillow's pixels are the same, by the same library
    decode_jpeg = None

from ivvit.numerics.decode import UnreadableError


def read_image(path: Path | str) -> Image.Image:
    """An image as RGB: EXIF rotation applied, grey, palette and CMYK converted, transparency laid on white.

    Raises:
        UnreadableError: it is no image, or damaged.
    """
    try:
        with Image.open(path) as image:
            image.load()
            return to_rgb(ImageOps.exif_transpose(image) if _may_be_turned(image) else image)
    except UnreadableError:
        raise
    except UnidentifiedImageError:
        raise UnreadableError("it is not an image") from None
    except Exception as error:  # damaged files make the decoders raise almost anything
        raise UnreadableError(getattr(error, "strerror", None) or str(error)) from error


def read_pixels(path: Path | str) -> np.ndarray:
    """(H, W, 3) uint8: the pixels of `read_image`; a plain JPEG's in a third of the time, from the same library.

    Raises:
        UnreadableError: it is no image, or damaged.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    if decode_jpeg is not None and _is_plain_jpeg(content):
        try:
            return decode_jpeg(content, "RGB")
        except ValueError:
            pass  # of what is damaged or odd, Pillow is the judge
    return np.array(read_image(path))


def _is_plain_jpeg(content: bytes) -> bool:
    """Whether it is a JPEG of grey or YCbCr that nothing may turn: without EXIF, XMP and Adobe's marks."""
    head = content[: content.find(b"\xff\xda") + 1]
    return head.startswith(b"\xff\xd8") and not any(mark in head for mark in (b"\xff\xe1", b"\xff\xee", b"Adobe"))


def _may_be_turned(image: Image.Image) -> bool:
    """Whether it is worth looking for an orientation, which costs as much as decoding a small JPEG."""
    return image.format != "JPEG" or "exif" in image.info or "xmp" in image.info


def to_rgb(image: Image.Image) -> Image.Image:
    """Any mode as RGB.

    Raises:
        UnreadableError: the range of its values is not known.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(image) >> 8).astype(np.uint8)).convert("RGB")
    if image.mode in ("I", "F"):
        kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise UnreadableError(f"its pixels are {kind} of unknown range; convert it to 8 or 16 bits")
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")
