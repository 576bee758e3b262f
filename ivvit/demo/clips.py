"""Clips in which a single frame says nothing about the class.

Each function draws a clip of one direction, (T, S, S, 3) uint8; played backwards it shows the opposite direction.
All clips cycle once: frame T would be frame 0 again, so that neither the first nor the last frame is special.
"""

import numpy as np

from ivvit.demo.drawing import Bytes, colours, coverage, grid, paint

FRAMES = 8
SIDE = 32


def spinning(rng: np.random.Generator) -> Bytes:
    """A clock hand that turns clockwise by 45 degrees a frame from a random angle."""
    y, x = grid(SIDE)
    y, x = y - rng.uniform(-2, 2), x - rng.uniform(-2, 2)
    angle = rng.uniform(0, 2 * np.pi) + 2 * np.pi * np.arange(FRAMES)[:, None, None] / FRAMES
    along, across = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    length, width = rng.uniform(12, 15), rng.uniform(2.5, 4)
    mask = coverage(np.maximum(abs(along - length / 2) - length / 2, abs(across) - width))
    return paint(mask, *colours(rng), noise=rng.normal(0, 6, (SIDE, SIDE, 1)))


def growing(rng: np.random.Generator) -> Bytes:
    """A disc whose radius grows from frame to frame and starts again, from a random phase."""
    y, x = grid(SIDE)
    y, x = y - rng.uniform(-2, 2), x - rng.uniform(-2, 2)
    radii = np.linspace(rng.uniform(2, 3), rng.uniform(11, 13), FRAMES)
    radii = np.roll(radii, rng.integers(FRAMES))[:, None, None]
    mask = coverage(np.hypot(y, x) - radii)
    return paint(mask, *colours(rng), noise=rng.normal(0, 6, (SIDE, SIDE, 1)))


def moving(rng: np.random.Generator, axis: int) -> Bytes:
    """A disc of random cells that moves 4 pixels a frame down (axis 0) or right (axis 1), on a torus."""
    y, x = grid(SIDE)
    cells = rng.uniform(155, 255, (SIDE // 2, SIDE // 2, 3)).repeat(2, 0).repeat(2, 1)
    mask = coverage(np.hypot(y, x) - rng.uniform(5, 7))[..., None]
    start = rng.integers(SIDE, size=2)
    ground = rng.uniform(0, 100, 3) + rng.normal(0, 6, (SIDE, SIDE, 1))
    steps = [start + frame * SIDE // FRAMES * np.eye(2, dtype=int)[axis] for frame in range(FRAMES)]
    masks, discs = (np.stack([np.roll(part, step, (0, 1)) for step in steps]) for part in (mask, cells))
    return np.clip(np.rint(ground + masks * (discs - ground)), 0, 255).astype(np.uint8)
