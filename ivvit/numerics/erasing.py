"""Random erasing (Zhong et al., arXiv 1708.04896)."""

import math

from torch import Tensor

from ivvit.numerics.rng import Rng

AREA, RATIO = (0.02, 1 / 3), (0.3, 10 / 3)


def erase(pixels: Tensor, color: tuple[float, float, float], rng: Rng) -> Tensor:
    """(..., C, H, W) uint8 -> a copy in which one rectangle has this colour (of 0..1), which training maps to zero."""
    height, width = pixels.shape[-2:]
    for _ in range(10):
        area = height * width * rng.uniform(*AREA)
        ratio = math.exp(rng.uniform(*(math.log(limit) for limit in RATIO)))
        h, w = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < h < height and 0 < w < width:
            top, left, out = rng.integer(height - h + 1), rng.integer(width - w + 1), pixels.clone()
            for channel, value in enumerate(color):
                out[..., channel, top : top + h, left : left + w] = round(255 * value)
            return out
    return pixels
