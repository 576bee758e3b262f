"""How one sample is read: an image file, a row of CIFAR's pickles, an original video, a stored one."""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from ivvit.config.datasets import DatasetOptions
from ivvit.data.cifar import read_images
from ivvit.data.decode import UnreadableError, read_frames, read_stored_frames
from ivvit.data.frame_store import store_file, store_folder
from ivvit.data.manifest import timelines
from ivvit.data.pictures import read_picture
from ivvit.data.sampling import Clip
from ivvit.data.timeline import Timeline
from ivvit.errors import UserError

if TYPE_CHECKING:
    import pandas as pd


class PictureSource:
    """Image files: (C, H, W) uint8 each."""

    def __init__(self, rows: "pd.DataFrame", root: Path) -> None:
        self._files = [str(root / path) for path in rows["path"]]

    def image(self, index: int) -> torch.Tensor:
        pixels = np.asarray(read_picture(self._files[index]))
        return torch.from_numpy(pixels.copy()).permute(2, 0, 1)


class CifarSource:
    """Rows of CIFAR's pickles, (C, H, W) uint8 each; each process reads a file once."""

    def __init__(self, rows: "pd.DataFrame", root: Path) -> None:
        self._root = root
        parts = [path.rsplit("#", 1) for path in rows["path"]]
        self._files, self._rows = [p[0] for p in parts], [int(p[1]) for p in parts]

    def image(self, index: int) -> torch.Tensor:
        images = _cifar_images(self._root / self._files[index])
        return torch.from_numpy(images[self._rows[index]].copy())


@lru_cache(maxsize=2)
def _cifar_images(file: Path) -> np.ndarray:
    return read_images(file)


class VideoSource:
    """Clips (T, C, H, W) uint8, from the frame store or from the original files: the same frames either way."""

    def __init__(self, rows: "pd.DataFrame", root: Path, options: DatasetOptions) -> None:
        self._timelines = timelines(rows)
        self._stored = options.uses_store
        folder = store_folder(options.store, root)
        if self._stored and not folder.is_dir():
            raise UserError(f"{folder} does not exist; run `ivvit extract`, or set `frames: original`")
        self._files = [
            str(store_file(folder, sha256) if self._stored else root / path)
            for path, sha256 in zip(rows["path"], rows["sha256"], strict=True)
        ]

    def timeline(self, index: int) -> Timeline:
        return self._timelines[index]

    def clip(self, index: int, clip: Clip) -> torch.Tensor:
        timeline, file = self._timelines[index], self._files[index]
        if self._stored and not Path(file).exists():
            raise UnreadableError(f"{file} is missing in the frame store; run `ivvit extract`")
        read = read_stored_frames if self._stored else read_frames
        frames = read(file, timeline, clip.indices.tolist())
        return torch.from_numpy(frames).permute(0, 3, 1, 2)


Source = PictureSource | CifarSource | VideoSource


def open_source(rows: "pd.DataFrame", root: Path, options: DatasetOptions) -> Source:
    """The source of a data set's kind.

    Raises:
        UserError: the frame store has never been filled.
    """
    if options.is_video:
        return VideoSource(rows, root, options)
    return (CifarSource if options.kind == "cifar100" else PictureSource)(rows, root)
