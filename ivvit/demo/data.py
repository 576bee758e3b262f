"""The demo's four data sets, in the official layouts of the data sets they are named after."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path

import numpy as np
from PIL import Image

from ivvit.demo import cifar, clips, images
from ivvit.demo.drawing import Bytes
from ivvit.demo.encode import H264, XVID, write_video
from ivvit.demo.folders import write_folder
from ivvit.demo.marker import claim

FORMAT = 1
SIZES = {
    "Tiny-ImageNet": {"train": 100, "val": 25},
    "CIFAR100": {"train": 100, "val": 25},
    "UCF101": {"groups": 25, "clips": 6},
    "Kinetics200": {"train": 108, "val": 42},
}
"""Samples per class."""


def write_demo_data(root: Path, *, seed: int = 0) -> None:
    """Write small versions of Tiny-ImageNet, CIFAR100, UCF101 and Kinetics200 under `root`/datasets.

    Images show shapes (Tiny-ImageNet) and textures (CIFAR100). Clips have 8 frames of 32 x 32: a bar that turns one way
    or the other (UCF101), a disc that grows or shrinks (Kinetics200); each appears forwards and backwards, with
    opposite labels, so that a model which averages frames stays at 0.50. The same seed gives the same bytes. A data set
    that already exists is left alone, so that an interrupted call can be repeated.

    Raises:
        UserError: `root` holds files that were not generated here, or were generated with another seed.
    """
    claim(root, {"content": "demo", "format": FORMAT, "seed": seed, "sizes": SIZES})
    for number, (name, write) in enumerate(_WRITERS.items()):
        rng = np.random.default_rng([seed, number])
        write_folder(root / "datasets" / name, partial(write, rng=rng))


def _tiny_imagenet(folder: Path, rng: np.random.Generator) -> None:
    wnids = {f"n9{index:07d}": name for index, name in enumerate(images.SHAPES, 1)}
    for split, (wnid, name) in product(("train", "val"), wnids.items()):
        target = folder / "tiny-imagenet" / split / wnid
        target.mkdir(parents=True)
        for index in range(SIZES["Tiny-ImageNet"][split]):
            Image.fromarray(images.shape(name, rng)).save(target / f"{wnid}_{index}.JPEG", quality=92)
    (folder / "tiny-imagenet" / "wnids.txt").write_text("".join(f"{wnid}\n" for wnid in wnids))
    (folder / "tiny-imagenet" / "words.txt").write_text("".join(f"{wnid}\t{name}\n" for wnid, name in wnids.items()))


def _cifar100(folder: Path, rng: np.random.Generator) -> None:
    target = folder / "cifar-100-python"
    target.mkdir()
    names = list(images.TEXTURES)
    for file, split in {"train": "train", "test": "val"}.items():
        labels = rng.permutation(np.repeat(np.arange(len(names)), SIZES["CIFAR100"][split])).tolist()
        pixels = np.stack([images.texture(names[label], rng) for label in labels])
        cifar.write_split(target / file, pixels, labels, [int("stripes" in names[label]) for label in labels])
    cifar.write_meta(target / "meta", names, ["cells", "stripes"])


def _pair(clip: Bytes, forward: str, backward: str) -> Iterator[tuple[str, Bytes]]:
    yield forward, clip
    yield backward, clip[::-1]


def _ucf101(folder: Path, rng: np.random.Generator) -> None:
    classes = ["SpinAnticlockwise", "SpinClockwise"]
    size = SIZES["UCF101"]
    for name in classes:
        (folder / "UCF-101" / name).mkdir(parents=True)
    videos: dict[int, list[str]] = {group: [] for group in range(1, size["groups"] + 1)}
    for group, number in product(videos, range(1, size["clips"] + 1)):
        for name, frames in _pair(clips.spinning(rng), "SpinClockwise", "SpinAnticlockwise"):
            videos[group].append(f"{name}/v_{name}_g{group:02d}_c{number:02d}.avi")
            write_video(folder / "UCF-101" / videos[group][-1], frames, XVID, fps=25)
    _ucf101_lists(folder / "ucfTrainTestlist", classes, videos)


def _ucf101_lists(folder: Path, classes: list[str], videos: dict[int, list[str]]) -> None:
    """The official lists: groups 1-7 are tested in split 1, 8-14 in split 2, 15-21 in split 3; lines end in CRLF."""
    folder.mkdir()
    labels = {name: label for label, name in enumerate(classes, 1)}

    def write(name: str, lines: list[str]) -> None:
        (folder / name).write_text("".join(f"{line}\n" for line in lines), newline="\r\n")

    write("classInd.txt", [f"{label} {name}" for name, label in labels.items()])
    for split in (1, 2, 3):
        tested = range(7 * split - 6, 7 * split + 1)
        write(f"testlist0{split}.txt", sorted(path for group in tested for path in videos[group]))
        rest = sorted(path for group in videos if group not in tested for path in videos[group])
        write(f"trainlist0{split}.txt", [f"{path} {labels[path.split('/')[0]]}" for path in rest])


def _kinetics200(folder: Path, rng: np.random.Generator) -> None:
    for split in ("train", "val"):
        for name in ("growing disc", "shrinking disc"):
            (folder / split / name).mkdir(parents=True)
        for index in range(SIZES["Kinetics200"][split]):
            for name, frames in _pair(clips.growing(rng), "growing disc", "shrinking disc"):
                write_video(folder / split / name / f"demo_{split}{index:04d}_000000_000010.mp4", frames, H264, fps=30)


_WRITERS = {"Tiny-ImageNet": _tiny_imagenet, "CIFAR100": _cifar100, "UCF101": _ucf101, "Kinetics200": _kinetics200}
