"""What lies under a folder: data sets in a known layout, folders of classes, lists; a file's content is never read."""

import itertools
import os
import re
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

from ivvit.config.datasets import KNOWN_DATASETS, DatasetOptions
from ivvit.data.layouts import list_samples
from ivvit.data.layouts.files import IMAGE_EXTENSIONS, VIDEO_EXTENSIONS, files_under, folders, named, split_by_extension
from ivvit.data.layouts.folders import TRAIN_NAMES, VAL_NAMES
from ivvit.data.layouts.listfile import SUFFIXES
from ivvit.ground.errors import UserError

NOT_DATA = {"pretrained_weight", "frames", "results", "logs", "config", "workflow"}
MEDIA = IMAGE_EXTENSIONS | VIDEO_EXTENSIONS
_LOOSE = "put those of each class into a folder of its own"
FLAT = "flat"
"""Class folders without splits; no kind of the configuration, for which samples are reported on must be chosen."""


@dataclass(frozen=True)
class Found:
    """One data set that was found."""

    name: str
    path: Path
    kind: str
    """A kind of the configuration, or FLAT."""
    media: str
    counts: dict[str, int]
    """Samples by split; of class folders without splits, all under `all`."""
    classes: int
    size: int
    """Bytes."""
    others: str = ""
    """Files of the other medium in its folders, which are left out: `6 images`."""

    def __str__(self) -> str:
        counts = ", ".join(f"{count:,} {split}".removesuffix(" all") for split, count in self.counts.items())
        layout = "class folders without splits" if self.kind == FLAT else self.kind
        classes = f"{self.classes} class{'es' * (self.classes != 1)}"
        return f"{layout}: {classes}, {counts} {self.media}s, {_bytes(self.size)}"


@dataclass(frozen=True)
class Survey:
    """All that was found below a folder."""

    root: Path
    found: list[Found]
    left_out: dict[Path, str]
    """What may be meant as data and cannot be used as it is, and why."""

    @property
    def is_data_root(self) -> bool:
        """Whether the data lies below it as below a root_path, so that frames may be stored beside it."""
        return (self.root / "datasets").is_dir() and os.access(self.root, os.W_OK)


def survey(root: Path) -> Survey:
    """Look at `root`, which is a data set itself, or has data sets below it or below its `datasets/`.

    Raises:
        UserError: the folder does not exist.
    """
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; name the one that your data lies in, with --root")
    found: list[Found] = []
    left_out: dict[Path, str] = {}
    for path in _candidates(root):
        try:
            one = _look_at(path)
        except UserError as error:
            left_out[path] = str(error)
        else:
            if one is not None:
                taken = one.name in {other.name for other in found}  # a second UCF101, say
                found.append(replace(one, name=_name(path, "")) if taken else one)
                if one.others:
                    left_out[path] = f"{one.others} beside its {one.media}s"
    if not found and not left_out and (files := _own_media(root)):
        left_out[root] = f"{len(files)} files without class folders: {_LOOSE}"
    return Survey(root, found, left_out)


def _candidates(root: Path) -> list[Path]:
    if _kind(root) is not None:
        return [root]
    base = root / "datasets" if (root / "datasets").is_dir() else root
    lists = [path for path in sorted(base.iterdir()) if path.is_file() and _kind(path) == "list-file"]
    described = {path.stem for path in lists} | set().union(*map(_folders_named, lists))  # or they were there twice
    return [*(base / name for name in folders(base) if name not in NOT_DATA | described), *lists]


def _look_at(path: Path) -> Found | None:
    kind = _kind(path)
    if kind is None:
        loose = _media_of(path) if path.is_dir() else None
        if loose is not None:
            raise UserError(f"{loose}s, but not two class folders or more: {_LOOSE}")
        return None
    name = _name(path, kind)
    media = _media_of(path if path.is_dir() else path.parent) or "image"
    if kind == FLAT:
        known = VIDEO_EXTENSIONS if media == "video" else IMAGE_EXTENSIONS
        files = {label: _media_files(path / label) for label in folders(path)}
        ours = {label: len(split_by_extension(iter(names), known)[0]) for label, names in files.items()}
        count, others = sum(ours.values()), sum(map(len, files.values())) - sum(ours.values())
        other = "" if not others else f"{others} {'image' if media == 'video' else 'video'}s"
        return Found(name, path, kind, media, {"all": count}, sum(map(bool, ours.values())), _size(path), other)
    given = {"kind": kind, "path": str(path), **({"media": media} if kind == "list-file" else {})}
    options = DatasetOptions.model_validate(given)
    listing = list_samples(name, options, path.parent)
    counts = {split: len(samples) for split, samples in listing.splits.items() if samples}
    if "train" not in counts:
        return None
    size = _size(path if path.is_dir() else path.parent)
    return Found(name, path, kind, options.media, counts, len(listing.classes), size)


def _kind(path: Path) -> str | None:
    """The layout, as far as names of files and folders tell."""
    if path.is_file():
        return "list-file" if path.suffix in SUFFIXES and _names_samples(path) else None
    inner = [path, *(path / name for name in folders(path))]
    if any((folder / "classInd.txt").is_file() for folder in inner):
        return "ucf101"
    if any(all((folder / name).is_file() for name in ("meta", "train", "test")) for folder in inner):
        return "cifar100"
    if any((path / f"train{suffix}").is_file() for suffix in SUFFIXES):
        return "list-file"
    if split := [train for folder in inner if (train := named(folder, TRAIN_NAMES)) and folders(train)]:
        base, val = split[0].parent, named(split[0].parent, VAL_NAMES)
        annotated = (base / "wnids.txt").is_file() or (val is not None and (val / "val_annotations.txt").is_file())
        return "tiny-imagenet" if annotated else f"{_media_of(split[0]) or 'image'}-folder"
    classes = [folder for folder in inner[1:] if folder.name not in NOT_DATA and any(_own_media(folder))]
    return FLAT if len(classes) > 1 else None


def _name(path: Path, kind: str) -> str:
    """A known data set's name where it is one, else the folder's, as far as it is good for a name."""
    if kind in ("ucf101", "cifar100", "tiny-imagenet"):
        return next(name for name, known in KNOWN_DATASETS.items() if known["kind"] == kind)
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "._=+-") else "-" for c in path.resolve().stem)
    return safe.lstrip("._=+-") or "data"


def _names_samples(file: Path) -> bool:
    with file.open(encoding="utf-8", errors="replace") as lines:
        first = [re.split(r"[,;\t ]", line.strip()) for line in itertools.islice(lines, 20) if line.strip()]
    named = [fields for fields in first if len(fields) > 1 and any(_suffix(field) in MEDIA for field in fields)]
    return bool(named) and len(named) >= len(first) - 1  # a header names none


def _folders_named(file: Path) -> set[str]:
    """The folders that the first samples of a list lie in."""
    with file.open(encoding="utf-8", errors="replace") as lines:
        paths = [re.split(r"[,;\t]", line.strip().strip('"'))[0] for line in itertools.islice(lines, 1000)]
    return {path.split("/")[0] for path in paths if "/" in path}


def _media_of(folder: Path) -> str | None:
    """`image` or `video`: what most of the first files are."""
    suffixes = map(_suffix, itertools.islice(files_under(folder), 500))
    counts = Counter("video" if s in VIDEO_EXTENSIONS else "image" if s in IMAGE_EXTENSIONS else "" for s in suffixes)
    del counts[""]
    return counts.most_common(1)[0][0] if counts else None


def _suffix(name: str) -> str:
    return os.path.splitext(name.strip("\"'"))[1].lower()


def _own_media(folder: Path) -> list[str]:
    names = (entry.name for entry in os.scandir(folder) if not entry.name.startswith("."))
    return [name for name in names if _suffix(name) in MEDIA]


def _media_files(folder: Path) -> list[str]:
    return [name for name in files_under(folder) if _suffix(name) in MEDIA]


def _size(folder: Path) -> int:
    return sum(os.stat(folder / name).st_size for name in files_under(folder))


def _bytes(size: int) -> str:
    number, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if number < 1000 or unit == "TB":
            break
        number /= 1000
    return f"{number:.3g} {unit}"
