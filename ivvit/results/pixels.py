"""The pixels of a sample that a run predicted, from the original files."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from ivvit.config.datasets import DatasetOptions
from ivvit.data.manifest import load_manifest
from ivvit.data.timelines import timelines
from ivvit.numerics.cifar import read_images
from ivvit.numerics.decode import read_frames
from ivvit.numerics.images import read_image
from ivvit.numerics.sampling import uniform_clips

FRAMES = 6


@dataclass(frozen=True)
class PixelSource:
    """Where a data set's files are, and when their frames are shown."""

    root: Path
    options: DatasetOptions
    lock: Path
    """The manifest's."""

    def pictures(self, path: str) -> tuple[list[Image.Image], list[float]]:
        """(an image, or frames of the middle clip; when these are shown, in seconds).

        Raises:
            UnreadableError: the file cannot be read.
            UserError: the manifest or a file of CIFAR cannot be read.
            KeyError: the manifest does not know the file.
        """
        if self.options.kind == "cifar100":
            file, _, row = path.rpartition("#")
            return [Image.fromarray(_cifar(self.root / file)[int(row)].transpose(1, 2, 0))], []
        if not self.options.is_video:
            return [read_image(self.root / path)], []
        (timeline,) = timelines(self._table.loc[[path]])
        (clip,) = uniform_clips(timeline, self.options.clip_seconds, FRAMES, 1)
        frames = read_frames(self.root / path, timeline, clip.indices.tolist())
        return [Image.fromarray(frame) for frame in frames], [timeline.seconds(int(index)) for index in clip.indices]

    @cached_property
    def _table(self) -> pd.DataFrame:
        table = load_manifest(self.lock).table
        return table.drop_duplicates("path").set_index("path")


@lru_cache(maxsize=2)
def _cifar(file: Path) -> np.ndarray:
    return read_images(file)
