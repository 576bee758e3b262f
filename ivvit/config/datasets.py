"""What a data set is: where it lies, how it is laid out, how it is checked, stored and augmented."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ivvit.config.base import PathText, Section, off

Kind = Literal["tiny-imagenet", "cifar100", "ucf101", "kinetics", "image-folder", "video-folder", "list-file"]
VIDEO_KINDS = {"ucf101", "kinetics", "video-folder"}


class StoreOptions(Section):
    """How the frame store encodes videos (every frame is a key frame)."""

    short_side: int = Field(320, ge=16)
    """Pixels of the short side; videos are never enlarged. 320 is the upper end of the random short side at 224 pixels:
    from a smaller store, crops of larger videos would be enlarged. 256 takes two thirds of the disk."""
    codec: Literal["mjpeg", "ffv1"] = "mjpeg"
    """mjpeg: small, nearly lossless; ffv1: lossless, for data where every bit counts."""
    quality: int = Field(3, ge=1, le=31)
    """Motion-JPEG's quantiser: 1 is best, 31 is smallest."""
    folder: PathText | None = Field(None, exclude=True)
    """Where this data set's frames lie, if not in `frames_path`; no part of a result."""


class Counts(Section):
    """How many classes and samples a data set must have."""

    classes: int = Field(ge=1)
    """The number of classes."""
    train: int = Field(ge=0)
    """Samples of train."""
    val: int = Field(0, ge=0)
    """Samples of val."""
    test: int = Field(0, ge=0)
    """Samples of test."""

    @model_validator(mode="before")
    @classmethod
    def _second_split(cls, value: Any) -> Any:
        """{classes, train, val} is of a data set with two splits, whose second is reported on."""
        if isinstance(value, dict) and "val" in value and "test" not in value:
            return {**value, "val": 0, "test": value["val"]}
        return value


class HoldoutOptions(Section):
    """A part of the training samples to select by."""

    share: float = Field(0.1, gt=0, lt=1)
    """The share of each class's samples that is held out, as near as whole groups allow."""
    seed: int = Field(0, ge=0)
    """Another seed holds out other groups."""


def _share(value: Any) -> Any:
    return {"share": value} if isinstance(value, int | float) and not isinstance(value, bool) else value


Holdout = Annotated[HoldoutOptions, BeforeValidator(_share, json_schema_input_type=float | HoldoutOptions)]
"""`0.1`, or `{share: 0.1, seed: 3}`."""


class DatasetOptions(Section):
    """One data set. The four known names need no settings; a new one needs `kind` and `path`."""

    kind: Kind
    """The layout on disk."""
    path: PathText
    """The folder (or list file), relative to root_path or absolute."""
    media: Literal["image", "video"]
    """Follows from `kind`, except for a list file."""
    split: int = Field(1, ge=1, le=3)
    """UCF101's official split."""
    expect: Literal["official", "none"] | Counts = "none"
    """Counts to check against: the published ones, none, or {classes, train, val, test}."""
    strict: bool = False
    """Make a difference from `expect` an error instead of a warning."""
    max_damaged: float = Field(0.01, ge=0, le=1)
    """The share of damaged files above which validation fails."""
    allow_overlap: bool = False
    """Only warn where files of the test split are in train as well, by content (some published data sets are so)."""
    holdout: Holdout | None = None
    """A share of train that is val instead, such as 0.1, by whole groups; for data sets that have no val."""
    group: str | None = None
    """A pattern whose match in a file's path (its group 1, if it has one) says which samples belong together."""
    frames: Literal["store", "original"] = "store"
    """Videos: decode from the all-intra frame store, or from the original files."""
    store: StoreOptions = StoreOptions()
    """How the frame store encodes this data set's videos."""
    flip: bool = True
    """Random horizontal flips in training; off where left and right make the class."""
    clip_seconds: float = Field(2.56, gt=0)
    """Length of the window that a clip's frames are taken from (UCF101 64/25 s, Kinetics200 80/30 s)."""
    short_side: Annotated[tuple[int, int], Field(strict=False)] | None = None
    """Clips: range of the random short side before cropping; by default 256-320 at 224 pixels, else in proportion."""
    crop_scale: tuple[float, float] = (0.08, 1.0)
    """Images: range of the random resized crop's area."""
    antialias: bool = Field(True, json_schema_extra=off(True))
    """Average over the pixels that a smaller one stands for when resizing. The authors' code does for images (PIL) and
    does not for clips (pytorchvideo); without, clips have its very values, and some aliasing."""

    @model_validator(mode="before")
    @classmethod
    def _media_of_kind(cls, value: Any) -> Any:
        if isinstance(value, dict) and "media" not in value and value.get("kind") != "list-file":
            return {**value, "media": "video" if value.get("kind") in VIDEO_KINDS else "image"}
        return value

    @model_validator(mode="after")
    def _consistent(self) -> "DatasetOptions":
        if self.kind != "list-file" and self.media != ("video" if self.kind in VIDEO_KINDS else "image"):
            raise ValueError(f"media: {self.media} does not fit kind: {self.kind}; leave media out")
        for key in ("short_side", "crop_scale"):
            low, high = getattr(self, key) or (1, 1)
            if not 0 < low <= high:
                raise ValueError(f"{key}: the range must be [low, high] with 0 < low <= high, found [{low}, {high}]")
        if self.crop_scale[1] > 1:
            raise ValueError(f"crop_scale: a crop is at most the whole image (1), found {self.crop_scale[1]:g}")
        return self

    @field_validator("group")
    @classmethod
    def _pattern(cls, value: str | None) -> str | None:
        try:
            re.compile(value or "")
        except re.error as error:
            raise ValueError(f"{value!r} is not a regular expression ({error})") from None
        return value

    @property
    def is_video(self) -> bool:
        """Whether samples are clips."""
        return self.media == "video"

    @property
    def uses_store(self) -> bool:
        """Whether training reads the frame store."""
        return self.is_video and self.frames == "store"


# Papers report on the splits as they were published; some share images (Barz and Denzler, 2020, on CIFAR100).
_PUBLISHED: dict[str, Any] = {"expect": "official", "allow_overlap": True}
KNOWN_DATASETS: dict[str, dict[str, Any]] = {
    "Tiny-ImageNet": {"kind": "tiny-imagenet", "path": "datasets/Tiny-ImageNet", **_PUBLISHED},
    "CIFAR100": {"kind": "cifar100", "path": "datasets/CIFAR100", **_PUBLISHED},
    "UCF101": {"kind": "ucf101", "path": "datasets/UCF101", **_PUBLISHED, "clip_seconds": 64 / 25},
    "Kinetics200": {"kind": "kinetics", "path": "datasets/Kinetics200", **_PUBLISHED, "clip_seconds": 80 / 30},
}
"""What the four names of the paper mean where the configuration says nothing else."""

# Facts of shared/data/annotations: the official lists and class files.
_OFFICIAL: dict[str, Counts] = {
    "tiny-imagenet": Counts(classes=200, train=100_000, test=10_000),
    "cifar100": Counts(classes=100, train=50_000, test=10_000),
    "kinetics": Counts(classes=200, train=80_000, test=5_000),
}
_UCF101_SPLITS = {1: (9_537, 3_783), 2: (9_586, 3_734), 3: (9_624, 3_696)}


def official_counts(kind: str, split: int = 1) -> Counts | None:
    """The published sizes of a kind of data set, for UCF101 of a split; None where nothing is published."""
    if kind == "ucf101":
        train, test = _UCF101_SPLITS[split]
        return Counts(classes=101, train=train, test=test)
    return _OFFICIAL.get(kind)


def dataset_order(names: list[str]) -> list[str]:
    """The order in which data sets take their turn: the paper's for the known ones, then by name.

    It must not depend on the order of keys in a YAML file, which nobody expects to change a result.
    """
    known = list(KNOWN_DATASETS)
    return sorted(names, key=lambda name: (known.index(name) if name in known else len(known), name))
