"""How one sample is read: an image file, a row of CIFAR's pickles, an original video, a stored one."""

from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch

from ivvit.numerics.cifar import read_images
from ivvit.numerics.decode import UnreadableError, read_frames, read_stored_frames
from ivvit.numerics.images import read_image
from ivvit.numerics.sampling import Clip
from ivvit.numerics.timeline import Timeline


class ImageSource:
    """Image files: (C, H, W) uint8 each."""

    def __init__(self, files: list[str]) -> None:
        self._files = files

    def take(self, indices: list[int]) -> Self:
        """Those at these positions."""
        return type(self)([self._files[index] for index in indices])

    def image(self, index: int) -> torch.Tensor:
        """(C, H, W) uint8. Raises UnreadableError."""
        pixels = np.asarray(read_image(self._files[index]))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


class CifarSource:
    """Rows of CIFAR's pickles, (C, H, W) uint8 each; each process reads a file once."""

    def __init__(self, files: list[str]) -> None:
        """Files are named with their row: `.../train#17`."""
        parts = [file.rsplit("#", 1) for file in files]
        self._files, self._rows = [p[0] for p in parts], [int(p[1]) for p in parts]

    def take(self, indices: list[int]) -> Self:
        """Those at these positions."""
        return type(self)([f"{self._files[index]}#{self._rows[index]}" for index in indices])

    def image(self, index: int) -> torch.Tensor:
        """(C, H, W) uint8. Raises UserError."""
        images = _cifar_images(Path(self._files[index]))
        return torch.from_numpy(images[self._rows[index]].copy())


@lru_cache(maxsize=2)
def _cifar_images(file: Path) -> np.ndarray:
    return read_images(file)


class VideoSource:
    """Clips (T, C, H, W) uint8, from the frame store or from the original files: the same frames either way."""

    def __init__(self, files: list[str], timelines: list[Timeline], stored: bool) -> None:
        self._files, self._timelines, self._stored = files, timelines, stored

    def take(self, indices: list[int]) -> Self:
        """Those at these positions."""
        chosen = [(self._files[index], self._timelines[index]) for index in indices]
        return type(self)([file for file, _ in chosen], [line for _, line in chosen], self._stored)

    def timeline(self, index: int) -> Timeline:
        """When each frame of a video is shown."""
        return self._timelines[index]

    def clip(self, index: int, clip: Clip) -> torch.Tensor:
        """(T, C, H, W) uint8. Raises UnreadableError."""
        timeline, file = self._timelines[index], self._files[index]
        if self._stored and not Path(file).exists():
            raise UnreadableError(f"{file} is missing in the frame store; run `ivvit extract`")
        read = read_stored_frames if self._stored else read_frames
        frames = read(file, timeline, clip.indices.tolist())
        return torch.from_numpy(frames).permute(0, 3, 1, 2)


Source = ImageSource | CifarSource | VideoSource
