"""Small data sets in the official layouts, and short ways to validate and open them."""

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from made_videos import encode, picture
from PIL import Image

from ivvit.config.datasets import KNOWN_DATASETS, DatasetOptions
from ivvit.data.extraction import extract, lock_store
from ivvit.data.validation import validate


def options(name: str = "", **changes: Any) -> DatasetOptions:
    """A known data set's options with changes; `expect` is none unless it is given."""
    return DatasetOptions(**{**KNOWN_DATASETS.get(name, {}), "expect": "none", **changes})


def image(file: Path, number: int = 0, size: tuple[int, int] = (20, 16)) -> Path:
    """An image file unlike those of other numbers."""
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture(number, *size)).save(file)
    return file


def video(file: Path, number: int = 0, frames: int = 20) -> Path:
    """A short MPEG-4 AVI whose pictures begin with `number`."""
    file.parent.mkdir(parents=True, exist_ok=True)
    return encode(file, "mpeg4", {"g": "6", "qscale": "3", "flags": "+qscale"}, frames=frames, offset=number)


def image_folder(base: Path, classes: int = 2, train: int = 4, val: int = 2) -> Path:
    """{train,val}/c<k>/<i>.png below `base`; of two splits, the second is test."""
    for split, count in (("train", train), ("val", val)):
        for label in range(classes):
            for i in range(count):
                image(base / split / f"c{label}" / f"{i}.png", label * 100 + i + (50 if split == "val" else 0))
    return base


def video_folder(base: Path, classes: int = 2, train: int = 3, val: int = 1) -> Path:
    """{train,val}/c<k>/<i>.avi below `base`."""
    for split, count in (("train", train), ("val", val)):
        for label in range(classes):
            for i in range(count):
                video(base / split / f"c{label}" / f"{i}.avi", label * 20 + i * 3 + (2 if split == "val" else 0))
    return base


def cifar(folder: Path, train: int = 12, val: int = 6, classes: int = 3, protocol: int = 2) -> Path:
    """CIFAR100's three files with few rows."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    names = [f"thing{k}".encode() for k in range(classes)]
    (folder / "meta").write_bytes(pickle.dumps({b"fine_label_names": names}, protocol))
    for file, count in (("train", train), ("test", val)):
        content = {
            b"data": rng.integers(0, 256, (count, 3072), dtype=np.uint8),
            b"fine_labels": [row % classes for row in range(count)],
            b"filenames": [f"{file}_{row}.png".encode() for row in range(count)],
        }
        (folder / file).write_bytes(pickle.dumps(content, protocol))
    return folder


def link_real(shared: Path, root: Path) -> Path:
    """A root whose UCF101 and Tiny-ImageNet are the real files."""
    (root / "datasets").mkdir(parents=True, exist_ok=True)
    for name in ("UCF101", "Tiny-ImageNet"):
        if not (root / "datasets" / name).exists():
            os.symlink(shared / "data" / name, root / "datasets" / name)
    return root


def made(root: Path, kind: str, **changes: Any) -> tuple[DatasetOptions, Path]:
    """A made image-folder or video-folder data set `D`, validated (and extracted): (options, lock)."""
    (video_folder if kind == "video-folder" else image_folder)(root / "datasets" / "D")
    chosen = options(kind=kind, path="datasets/D", **changes)
    lock = root / "manifests" / "D.json"
    validate("D", chosen, root, lock)
    if chosen.uses_store:
        extract("D", chosen, root, lock)
        lock_store("D", chosen, root, lock, root / "frames.json")
    return chosen, lock
