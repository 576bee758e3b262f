"""How one sample is read: an image file, a row of CIFAR's pickles, frames of a video."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch

from ivvit.numerics.cifar import read_images
from ivvit.numerics.decode import Choose
from ivvit.numerics.images import read_pixels
from ivvit.numerics.sampling import Clip
from ivvit.numerics.selection import Selected, Selection
from ivvit.numerics.timeline import Timeline


class ImageSource:
    """Image files: (C, H, W) uint8 each."""

    def __init__(self, files: Sequence[str]) -> None:
        self._files = files

    def take(self, selection: Selection) -> Self:
        """Those that are selected."""
        return type(self)(Selected(self._files, selection))

    def image(self, index: int) -> torch.Tensor:
        """(C, H, W) uint8. Raises UnreadableError."""
        return torch.from_numpy(read_pixels(self._files[index])).permute(2, 0, 1)


class CifarSource:
    """Rows of CIFAR's pickles, (C, H, W) uint8 each; each process reads a file once."""

    def __init__(self, files: Sequence[str]) -> None:
        """Files are named with their row: `.../train#17`."""
        self._files = files

    def take(self, selection: Selection) -> Self:
        """Those that are selected."""
        return type(self)(Selected(self._files, selection))

    def image(self, index: int) -> torch.Tensor:
        """(C, H, W) uint8. Raises UserError."""
        file, _, row = self._files[index].rpartition("#")
        return torch.from_numpy(_cifar_images(Path(file))[int(row)].copy())


@lru_cache(maxsize=2)
def _cifar_images(file: Path) -> np.ndarray:
    return read_images(file)


class Read(Protocol):
    """Reads frames (T, H, W, 3) uint8 of a file, by number; of each, the part that is chosen."""

    def __call__(
        self, path: str, timeline: Timeline, indices: Sequence[int], choose: Choose | None = None
    ) -> np.ndarray: ...


class VideoSource:
    """Clips (T, C, H, W) uint8 of video files, by one of the functions that read them."""

    def __init__(self, files: Sequence[str], timelines: Sequence[Timeline], read: Read) -> None:
        self._files, self._timelines, self._read = files, timelines, read

    def take(self, selection: Selection) -> Self:
        """Those that are selected."""
        return type(self)(Selected(self._files, selection), Selected(self._timelines, selection), self._read)

    def timeline(self, index: int) -> Timeline:
        """When each frame of a video is shown."""
        return self._timelines[index]

    def clip(self, index: int, clip: Clip, choose: Choose | None = None) -> torch.Tensor:
        """(T, C, H, W) uint8: frames, or the part of each that is chosen. Raises UnreadableError."""
        frames = self._read(self._files[index], self._timelines[index], clip.indices.tolist(), choose)
        return torch.from_numpy(frames).permute(0, 3, 1, 2)


Source = ImageSource | CifarSource | VideoSource
