"""What is in an image or video file, found out before a model is shown any of it."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from ivvit.config.datasets import StoreOptions
from ivvit.data.extraction.encode import write_stored
from ivvit.data.layouts.files import IMAGE_EXTENSIONS, VIDEO_EXTENSIONS
from ivvit.data.validation.finding import Finding
from ivvit.data.validation.probe import probe
from ivvit.ground.digest import digest
from ivvit.numerics.decode import UnreadableError, read_frames
from ivvit.numerics.images import read_image
from ivvit.numerics.sampling import subsample
from ivvit.numerics.timeline import Timeline

STRIP = 8
"""Frames that a page shows of a video."""
_PICTURE = 160  # pixels of a picture's short side


@dataclass(frozen=True)
class Medium:
    """A file."""

    path: str
    sha256: str = ""
    """Of its content."""
    timeline: Timeline | None = None
    """Of a video; None for an image."""
    damage: str = ""
    """Why it cannot be read."""
    stored: dict[str, str] = field(default_factory=dict)
    """Videos: where they lie as a frame store keeps them, by `store_key`."""
    pictures: tuple[bytes, ...] = ()
    """JPEGs of the image, or of frames spread over the video, if they were asked for."""


def is_video(path: Path | str) -> bool:
    """Whether a file is treated as a video: by its extension, else by what is in it."""
    extension = os.path.splitext(path)[1].lower()
    if extension in VIDEO_EXTENSIONS | IMAGE_EXTENSIONS:
        return extension in VIDEO_EXTENSIONS
    try:
        with Image.open(path):
            return False
    except (OSError, ValueError):
        return True


def look(path: str, stores: Iterable[StoreOptions], folder: Path, pictures: bool) -> Medium:
    """Open a file and decode it once; what is wrong with it is its `damage`, never an exception.

    Args:
        path: the file.
        stores: how frame stores would code it; the model was trained on what comes out of that.
        folder: where it is stored in that coding.
        pictures: whether to make pictures of it.

    Raises:
        UserError: the folder cannot be written.
    """
    video = is_video(path)
    finding = probe(Path(path), video)
    if finding.damage:
        return Medium(path, damage=finding.damage)
    try:
        timeline = timeline_of(finding) if video else None
        stored: dict[str, str] = {}
        if timeline is not None:
            for options in stores:
                target = folder / f"{finding.sha256}-{store_key(options)}.mp4"
                write_stored(Path(path), target, timeline, options)
                stored[store_key(options)] = str(target)
        return Medium(
            path, finding.sha256, timeline, stored=stored, pictures=_pictures(path, timeline) if pictures else ()
        )
    except UnreadableError as error:
        return Medium(path, damage=str(error))


def timeline_of(finding: Finding) -> Timeline:
    """When the frames of a video are shown."""
    pts, keys = (np.array(values, np.int64) if values else None for values in (finding.pts, finding.keys))
    return Timeline(
        finding.frames, finding.fps, Fraction(finding.time_base), finding.first_pts, finding.pts_step, pts,
        None if keys is None else keys.reshape(-1, 4), finding.stamped,
    )  # fmt: skip


def store_key(options: StoreOptions) -> str:
    """A short name for the settings of a frame store."""
    return digest(options.model_dump(mode="json"))[:12]


def _pictures(path: str, timeline: Timeline | None) -> tuple[bytes, ...]:
    if timeline is None:
        return (_jpeg(read_image(path)),)
    indices = sorted({*subsample(timeline.frames, STRIP).tolist()})
    return tuple(_jpeg(Image.fromarray(frame)) for frame in read_frames(path, timeline, indices))


def _jpeg(image: Image.Image) -> bytes:
    scale = min(1, _PICTURE / min(image.size))
    stream = BytesIO()
    image.resize([max(1, round(side * scale)) for side in image.size]).save(stream, "JPEG", quality=85)
    return stream.getvalue()
