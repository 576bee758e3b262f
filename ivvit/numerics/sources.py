"""How one sample is read: an image file, a row of CIFAR's pickles, an original video, a stored one."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Self

import numpy as np
import torch

from ivvit.numerics.cifar import read_images
from ivvit.numerics.decode import UnreadableError, read_frames, read_stored_frames
from ivvit.numerics.images import read_image
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
        pixels = np.asarray(read_image(self._files[index]))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


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


class VideoSource:
    """Clips (T, C, H, W) uint8, from the frame store or from the original files: the same frames either way."""

    def __init__(self, files: Sequence[str], timelines: Sequence[Timeline], stored: bool) -> None:
        self._files, self._timelines, self._stored = files, timelines, stored

    def take(self, selection: Selection) -> Self:
        """Those that are selected."""
        return type(self)(Selected(self._files, selection), Selected(self._timelines, selection), self._stored)

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
