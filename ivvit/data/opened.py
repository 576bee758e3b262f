"""What the training and the validation split of a data set have in common once they are open."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivvit.config.datasets import DatasetOptions
from ivvit.data.manifest import load_manifest
from ivvit.data.sources import Source, open_source
from ivvit.errors import UserError


@dataclass(frozen=True, kw_only=True)
class OpenedSplit:
    """The samples of a split, and the size that models want them in."""

    name: str
    options: DatasetOptions
    classes: list[str]
    paths: list[str]
    labels: list[int]
    source: Source
    img_size: int
    num_frames: int

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def num_samples(self) -> int:
        return len(self.paths)


def open_split(
    name: str, options: DatasetOptions, root: Path, manifest_lock: Path, split: str, *, img_size: int, num_frames: int
) -> dict[str, Any]:
    """The fields of an OpenedSplit.

    Raises:
        UserError: the manifest or the frame store is missing, or the split is empty.
    """
    manifest = load_manifest(manifest_lock)
    rows = manifest.split(split)
    if rows.empty:
        raise UserError(f"{name} has no samples in split {split}; see {Path(manifest_lock).with_suffix('.md')}")
    return {
        "name": name, "options": options, "classes": manifest.classes, "paths": rows["path"].tolist(),
        "labels": rows["label"].tolist(), "source": open_source(rows, Path(root).expanduser(), options),
        "img_size": img_size, "num_frames": num_frames,
    }  # fmt: skip
