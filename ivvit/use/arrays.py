"""Pixels that come as arrays or pictures instead of files: uint8 (C, H, W) images or (T, C, H, W) clips."""

import numpy as np
import torch
from PIL import Image, ImageOps

from ivvit.ground.errors import UserError
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.images import to_rgb

_CHANNELS = 3


def pixels_of_image(image: Image.Image) -> torch.Tensor:
    """(C, H, W) uint8, upright RGB.

    Raises:
        UserError: the range of its values is not known.
    """
    try:
        rgb = to_rgb(ImageOps.exif_transpose(image))
    except UnreadableError as error:
        raise UserError(f"the image cannot be used: {error}") from None
    return torch.from_numpy(np.array(rgb)).permute(2, 0, 1)


def pixels_of_array(array: "np.ndarray | torch.Tensor") -> torch.Tensor:
    """An image (H, W, 3) or (3, H, W), or a clip with frames before that, as uint8 with channels before H, W.

    Args:
        array: RGB; whole numbers 0 to 255, or floating-point numbers 0 to 1.

    Raises:
        UserError: another shape, type or range.
    """
    pixels = (array if isinstance(array, torch.Tensor) else torch.tensor(array)).detach().cpu()
    if pixels.dim() not in (3, 4) or 0 in pixels.shape:
        raise UserError(f"expected an image (H, W, 3) or a clip (T, H, W, 3), got shape {tuple(pixels.shape)}")
    last, third = pixels.shape[-1] == _CHANNELS, pixels.shape[-3] == _CHANNELS
    if not last and not third:
        raise UserError(f"expected 3 channels, first or last in each frame, got shape {tuple(pixels.shape)}")
    return _uint8(pixels.movedim(-1, -3) if last else pixels)


def _uint8(pixels: torch.Tensor) -> torch.Tensor:
    if pixels.dtype == torch.uint8:
        return pixels
    low, high = pixels.min().item(), pixels.max().item()
    top = 1 if pixels.is_floating_point() else 255
    if not (low >= 0 and high <= top):
        raise UserError(f"values of type {pixels.dtype} must be from 0 to {top}, found {low:g} to {high:g}")
    return (pixels * 255).round().to(torch.uint8) if pixels.is_floating_point() else pixels.to(torch.uint8)
