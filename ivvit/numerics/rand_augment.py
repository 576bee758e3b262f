"""RandAugment (Cubuk et al., arXiv 1909.13719) by torchvision's kernels.

torchvision's own class draws from the process's generator; here everything comes from the sample's stream. Operations
and their ranges are those of torchvision's RandAugment with 31 bins. All frames of a clip are changed alike.
"""

import math
from collections.abc import Callable

from torch import Tensor

from ivvit.numerics.compat import without_compiler
from ivvit.numerics.rng import Rng

with without_compiler():
    from torchvision.transforms import InterpolationMode
    from torchvision.transforms.v2 import functional as F

BINS = 30
Change = Callable[[Tensor, float], Tensor]
"""(..., C, H, W) uint8 and a strength in [-1, 1] -> the same shape."""


def _affine(pixels: Tensor, shear: tuple[float, float], translate: tuple[float, float]) -> Tensor:
    """Shears (tangents) about the upper left corner, as PIL does; moves by shares of the sides."""
    height, width = pixels.shape[-2:]
    degrees = [math.degrees(math.atan(value)) for value in shear]
    moved = [int(translate[0] * width), int(translate[1] * height)]
    center = [0.0, 0.0] if any(shear) else None
    return F.affine(
        pixels, angle=0.0, translate=moved, scale=1.0, shear=degrees, center=center,
        interpolation=InterpolationMode.NEAREST,
    )  # fmt: skip


SIGNED: tuple[Change, ...] = (
    lambda x, m: _affine(x, (0.3 * m, 0.0), (0.0, 0.0)),
    lambda x, m: _affine(x, (0.0, 0.3 * m), (0.0, 0.0)),
    lambda x, m: _affine(x, (0.0, 0.0), (150 / 331 * m, 0.0)),
    lambda x, m: _affine(x, (0.0, 0.0), (0.0, 150 / 331 * m)),
    lambda x, m: F.rotate(x, 30 * m, InterpolationMode.NEAREST),
    lambda x, m: F.adjust_brightness(x, 1 + 0.9 * m),
    lambda x, m: F.adjust_saturation(x, 1 + 0.9 * m),
    lambda x, m: F.adjust_contrast(x, 1 + 0.9 * m),
    lambda x, m: F.adjust_sharpness(x, 1 + 0.9 * m),
)
"""Changes with a direction, which is drawn."""
UNSIGNED: tuple[Change, ...] = (
    lambda x, m: x,
    lambda x, m: F.posterize(x, 8 - round(4 * m)),
    lambda x, m: F.solarize(x, 255 * (1 - m)),
    lambda x, m: F.autocontrast(x),
    lambda x, m: F.equalize(x),
)


def rand_augment(pixels: Tensor, magnitude: int, ops: int, rng: Rng) -> Tensor:
    """(..., C, H, W) uint8 -> the same shape, after `ops` changes of this magnitude (0 to 30)."""
    for _ in range(ops):
        chosen, backward = rng.integer(len(SIGNED) + len(UNSIGNED)), rng.uniform() < 0.5
        strength = magnitude / BINS
        if chosen < len(SIGNED):
            pixels = SIGNED[chosen](pixels, -strength if backward else strength)
        else:
            pixels = UNSIGNED[chosen - len(SIGNED)](pixels, strength)
    return pixels
