"""Images of shapes and of textures: every class in many sizes, places, angles and colours."""

from collections.abc import Callable

import numpy as np

from ivvit.demo.drawing import Bytes, Floats, colours, coverage, grid, paint


def _disc(y: Floats, x: Floats, size: float) -> Floats:
    return np.hypot(y, x) - size


def _polygon(y: Floats, x: Floats, size: float, corners: int) -> Floats:
    """Signed distance to a regular polygon: the farthest of its sides."""
    angles = 2 * np.pi * np.arange(corners) / corners
    sides = np.cos(angles)[:, None, None] * x + np.sin(angles)[:, None, None] * y
    return sides.max(0) - size * np.cos(np.pi / corners)


def _cross(y: Floats, x: Floats, size: float) -> Floats:
    return np.minimum(
        np.maximum(abs(y) - size / 4, abs(x) - size),
        np.maximum(abs(x) - size / 4, abs(y) - size),
    )


SHAPES: dict[str, Callable[[Floats, Floats, float], Floats]] = {
    "disc": _disc,
    "triangle": lambda y, x, size: _polygon(y, x, 1.2 * size, 3),
    "square": lambda y, x, size: _polygon(y, x, 1.1 * size, 4),
    "cross": _cross,
}
"""Name -> signed distance of (y, x, size), each (S, S)."""


def shape(name: str, rng: np.random.Generator, side: int = 64) -> Bytes:
    """One shape of `SHAPES` at a random place, size and angle on a noisy ground: (S, S, 3) uint8."""
    y, x = grid(side)
    y, x = y - rng.uniform(-0.08, 0.08) * side, x - rng.uniform(-0.08, 0.08) * side
    angle = rng.uniform(-0.35, 0.35)
    y, x = np.cos(angle) * y - np.sin(angle) * x, np.sin(angle) * y + np.cos(angle) * x
    mask = coverage(SHAPES[name](y, x, rng.uniform(0.2, 0.32) * side))
    return paint(mask, *colours(rng), noise=rng.normal(0, 6, (side, side, 1)))


def _waves(along: Floats, rng: np.random.Generator) -> Floats:
    return np.sin(2 * np.pi * (along / rng.uniform(5, 9) + rng.uniform()))


TEXTURES: dict[str, Callable[[Floats, Floats, np.random.Generator], Floats]] = {
    "checkerboard": lambda y, x, rng: _waves(y, rng) * _waves(x, rng),
    "diagonal_stripes": lambda y, x, rng: _waves((x + y) / np.sqrt(2), rng),
    "horizontal_stripes": lambda y, x, rng: _waves(y, rng),
    "speckle": lambda y, x, rng: rng.normal(0, 1, y.shape),
    "vertical_stripes": lambda y, x, rng: _waves(x, rng),
}
"""Name -> brightness around 0 of (y, x, rng), each (S, S); in the order of their labels."""


def texture(name: str, rng: np.random.Generator, side: int = 32) -> Bytes:
    """One texture of `TEXTURES` at a random scale and phase: (S, S, 3) uint8."""
    y, x = grid(side)
    mask = coverage(-TEXTURES[name](y, x, rng))
    return paint(mask, *colours(rng), noise=rng.normal(0, 6, (side, side, 1)))
