"""Antialiased drawing with signed distances, for images and clips.

Shapes: T frames, S side in pixels.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bytes = NDArray[np.uint8]


def grid(side: int) -> tuple[Floats, Floats]:
    """Pixel coordinates y and x, each (S, S), with the origin in the middle of the image."""
    axis = np.arange(side) - (side - 1) / 2
    return np.meshgrid(axis, axis, indexing="ij")


def coverage(distance: Floats) -> Floats:
    """How much of a pixel lies inside a shape, from the signed distance to its border (negative inside)."""
    return np.clip(0.5 - distance, 0, 1)


def colours(rng: np.random.Generator) -> tuple[Floats, Floats]:
    """A dark and a bright random RGB colour, in 0 .. 255."""
    return rng.uniform(0, 100, 3), rng.uniform(155, 255, 3)


def paint(mask: Floats, back: Floats, front: Floats, noise: Floats | float = 0) -> Bytes:
    """Mix two colours by `mask` (..., S, S) and add `noise`; returns (..., S, S, 3) uint8."""
    mixed = back + mask[..., None] * (front - back) + noise
    return np.clip(np.rint(mixed), 0, 255).astype(np.uint8)
