"""From a manifest to the samples of a split."""

import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.config.datasets import DatasetOptions
from ivvit.data.manifest import Manifest, load_manifest
from ivvit.data.timelines import Timelines
from ivvit.ground.errors import UserError
from ivvit.ground.ranks import rank
from ivvit.ground.sequences import Computed
from ivvit.identity.frame_store import store_file, store_folder
from ivvit.numerics.decode import UnreadableError, read_frames, read_intra_frames
from ivvit.numerics.motion_jpeg import read_jpegs
from ivvit.numerics.samples import Samples
from ivvit.numerics.sources import CifarSource, ImageSource, Read, Source, VideoSource

if TYPE_CHECKING:
    from torch import Tensor

    from ivvit.numerics.decode import Choose
    from ivvit.numerics.sampling import Clip

READERS: dict[str, Read] = {"mjpeg": read_jpegs, "ffv1": read_intra_frames}
"""How a frame store of each codec is read."""


def open_samples(name: str, options: DatasetOptions, root: Path, manifest_lock: Path, split: str) -> Samples:
    """The samples of a split of a validated data set; of several processes the first checks the manifest.

    Raises:
        UserError: the manifest or the frame store is missing, the manifest is damaged, or the split is empty.
    """
    manifest = load_manifest(manifest_lock)
    if rank() == 0:
        manifest.check()
    if not manifest.counts[split]:
        raise UserError(f"{name} has no samples in split {split}; see {Path(manifest_lock).with_suffix('.md')}")
    return Samples(
        dataset=name,
        classes=manifest.classes,
        paths=manifest.column("path", split),
        labels=manifest.column("label", split),
        groups=manifest.column("group", split),
        source=_source(manifest, split, Path(root).expanduser(), options),
    )


def _source(manifest: Manifest, split: str, root: Path, options: DatasetOptions) -> Source:
    originals = _Files(manifest.column("path", split), partial(os.path.join, root))
    if not options.is_video:
        return CifarSource(originals) if options.kind == "cifar100" else ImageSource(originals)
    if not options.uses_store:
        return VideoSource(originals, Timelines(manifest, split), read_frames)
    folder = store_folder(options.store, root)
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; run `ivvit extract`, or set `frames: original`")
    stored = _Files(manifest.column("sha256", split), partial(_stored, folder))
    return _Stored(stored, Timelines(manifest, split), READERS[options.store.codec])


class _Stored(VideoSource):
    """Clips of the frame store; a damaged file of it is told apart from the video that it was made of."""

    def clip(self, index: int, clip: "Clip", choose: "Choose | None" = None) -> "Tensor":
        """As of any source."""
        try:
            return super().clip(index, clip, choose)
        except UnreadableError as error:
            file = self._files[index]
            if not Path(file).exists():
                raise
            text = f"{file} of the frame store is damaged: {error}; `ivvit extract` makes it again"
            raise UnreadableError(text) from error


def _stored(folder: Path, sha256: str) -> str:
    return str(store_file(folder, sha256))


class _Files(Computed[str]):
    """The files of samples, named from a column where they are asked for."""

    def __init__(self, values: Sequence[str], name: Callable[[str], str]) -> None:
        self._values, self._name = values, name

    def value(self, place: int) -> str:
        return self._name(self._values[place])

    def __len__(self) -> int:
        return len(self._values)
