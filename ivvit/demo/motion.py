"""The data of config/motion.yaml: clips whose class is the direction of motion, stored losslessly."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ivvit.demo import clips
from ivvit.demo.drawing import Bytes
from ivvit.demo.encode import FFV1, write_video
from ivvit.demo.folders import write_folder
from ivvit.demo.marker import claim

FORMAT = 1
SIZES = {"train": 500, "val": 100}
"""Clips per class."""

_PAIRS: dict[tuple[str, str], Callable[[np.random.Generator], Bytes]] = {
    ("down", "up"): lambda rng: clips.moving(rng, axis=0),
    ("right", "left"): lambda rng: clips.moving(rng, axis=1),
}


def write_motion_data(root: Path, *, seed: int = 0) -> None:
    """Write `root`/datasets/motion/{train,val}/{down,left,right,up}/<number>.avi, FFV1, 8 frames of 32 x 32.

    A textured disc moves 4 pixels a frame around a torus. In both splits each clip is followed by its time reversal, of
    the same number, in the opposite class: a model that averages frames gives both the same logits, and cannot exceed
    0.50 within a pair. The coding is lossless, so that this holds to the bit. The same seed gives the same bytes.

    Raises:
        UserError: `root` holds files that were not generated here, or were generated with another seed.
    """
    claim(root, {"content": "motion", "format": FORMAT, "seed": seed, "sizes": SIZES})
    write_folder(root / "datasets" / "motion", lambda folder: _fill(folder, np.random.default_rng(seed)))


def _fill(folder: Path, rng: np.random.Generator) -> None:
    for split, size in SIZES.items():
        for (forward, backward), draw in _PAIRS.items():
            for name in (forward, backward):
                (folder / split / name).mkdir(parents=True)
            for index in range(size):
                frames = draw(rng)
                write_video(folder / split / forward / f"{index:04d}.avi", frames, FFV1, fps=25)
                write_video(folder / split / backward / f"{index:04d}.avi", frames[::-1], FFV1, fps=25)
