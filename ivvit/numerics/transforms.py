"""Augmentation and evaluation views on uint8 pixels, as torchvision's, by the kernels that it calls.

Called directly, these give the same bits on every processor (torchvision goes by way of floats on some), and a loader's
worker needs no torchvision: a third of its memory, and half of the time that it takes to start.

The paper's transforms. Clips in training: short side random in a range, random crop, flip; cropping comes first and
scaling after it, which draws from the same distribution (crops on the source's pixel grid) for a fraction of the work.
Images: random resized crop, flip. Evaluation: short side to a fixed length, crops placed evenly.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from ivvit.numerics.decode import Box
from ivvit.numerics.rng import Rng


@dataclass(frozen=True)
class Resize:
    """How images are resized: torchvision's name of the interpolation, with or without antialias."""

    interpolation: str = "bilinear"
    antialias: bool = True

    def __call__(self, pixels: Tensor, height: int, width: int) -> Tensor:
        """(..., C, H, W) -> (..., C, height, width)."""
        if pixels.shape[-2:] == (height, width):
            return pixels
        images = pixels.reshape(-1, *pixels.shape[-3:])
        if len(images) == 1 and images.is_contiguous(memory_format=torch.channels_last):
            # One image is in both layouts at once; torch takes the slower kernel unless the strides say this one.
            images = images.as_strided(images.shape, (images.numel(), *images.stride()[1:]))
        out = interpolate(
            images, (height, width), mode=self.interpolation, align_corners=False, antialias=self.antialias
        )
        return out.reshape(*pixels.shape[:-2], height, width)


DEFAULT = Resize()
ASPECT = (3 / 4, 4 / 3)
"""Range of the aspect ratio of a random resized crop (torchvision's default)."""


@dataclass(frozen=True)
class ClipCrop:
    """One crop and one flip for all frames of a clip, drawn before the frames are read."""

    img_size: int
    side: int
    """The short side that the frames would be scaled to."""
    place: tuple[float, float]
    """Where the crop lies, in shares of the room: down, across."""
    flipped: bool

    def box(self, height: int, width: int) -> Box:
        """The part of a frame to read."""
        crop = max(1, min(round(self.img_size * min(height, width) / self.side), height, width))
        rooms = (height - crop, width - crop)
        top, left = (min(int(share * (room + 1)), room) for share, room in zip(self.place, rooms, strict=True))
        return top, left, crop, crop

    def finish(self, part: Tensor, resize: Resize = DEFAULT) -> Tensor:
        """The part of the frames, (T, C, h, w) uint8 -> (T, C, img_size, img_size)."""
        return _finish(part, self.img_size, self.flipped, resize)


def clip_crop(img_size: int, short_side: tuple[int, int], flip: bool, rng: Rng) -> ClipCrop:
    """A short side of the range, a place and a flip."""
    side = short_side[0] + rng.integer(short_side[1] - short_side[0] + 1)
    place = rng.uniform(), rng.uniform()
    return ClipCrop(img_size, side, place, rng.uniform() < 0.5 and flip)


def train_image(
    image: Tensor, img_size: int, scale: tuple[float, float], flip: bool, rng: Rng, resize: Resize = DEFAULT
) -> Tensor:
    """(C, H, W) uint8 -> (C, img_size, img_size): a random resized crop (Szegedy et al., 2015) and a flip."""
    box = _random_box(image.shape[-2], image.shape[-1], scale, rng)
    return _finish(_cut(image, *box), img_size, rng.uniform() < 0.5 and flip, resize)


def _finish(part: Tensor, size: int, flipped: bool, resize: Resize) -> Tensor:
    dense = part.movedim(-3, -1).contiguous().movedim(-1, -3)  # channels last: what the kernel is fast on
    out = resize(dense, size, size)
    return out.flip(-1) if flipped else out


def _cut(pixels: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    return pixels[..., top : top + height, left : left + width]


def _random_box(height: int, width: int, scale: tuple[float, float], rng: Rng) -> tuple[int, int, int, int]:
    """(top, left, height, width) with a random share of the area and aspect ratio, as torchvision chooses them."""
    for _ in range(10):
        area = height * width * rng.uniform(*scale)
        ratio = math.exp(rng.uniform(math.log(ASPECT[0]), math.log(ASPECT[1])))
        w, h = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < w <= width and 0 < h <= height:
            return rng.integer(height - h + 1), rng.integer(width - w + 1), h, w
    w, h = min(width, round(height * ASPECT[1])), min(height, round(width / ASPECT[0]))
    return (height - h) // 2, (width - w) // 2, h, w


def eval_views(pixels: Tensor, img_size: int, short_side: int, crops: int, resize: Resize = DEFAULT) -> Tensor:
    """(..., C, H, W) -> (crops, ..., C, img_size, img_size): short side scaled, crops spread along the long side."""
    scaled = scale_short_side(pixels, short_side, resize)
    places = crop_places(scaled.shape[-2], scaled.shape[-1], img_size, crops)
    return torch.stack([_cut(scaled, top, left, img_size, img_size) for top, left in places])


def scale_short_side(pixels: Tensor, short_side: int, resize: Resize = DEFAULT) -> Tensor:
    """(..., C, H, W), the long side in proportion."""
    short = min(pixels.shape[-2:])
    return resize(pixels, *(short_side * side // short for side in pixels.shape[-2:]))


def crop_places(height: int, width: int, img_size: int, crops: int) -> list[tuple[int, int]]:
    """(top, left) of each crop."""
    return [
        (
            _place(height - img_size, k, crops, height >= width),
            _place(width - img_size, k, crops, width >= height),
        )
        for k in range(crops)
    ]


def _place(room: int, k: int, crops: int, spread: bool) -> int:
    """Offset of crop k of `crops` in `room` pixels: spread from end to end, or centred (as CenterCrop rounds it)."""
    return round(room * k / (crops - 1)) if spread and crops > 1 else round(room / 2.0)
