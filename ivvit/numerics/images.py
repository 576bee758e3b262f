"""Images of any mode as upright RGB."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

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
