"""From a manifest to the samples of a split."""

from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.config.datasets import DatasetOptions
from ivvit.data.manifest import load_manifest, timelines
from ivvit.ground.errors import UserError
from ivvit.identity.frame_store import store_file, store_folder
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.samples import Samples
from ivvit.numerics.sources import CifarSource, ImageSource, Source, VideoSource

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

    from ivvit.numerics.sampling import Clip


def open_samples(name: str, options: DatasetOptions, root: Path, manifest_lock: Path, split: str) -> Samples:
    """The samples of a split of a validated data set.

    Raises:
        UserError: the manifest or the frame store is missing, or the split is empty.
    """
    manifest = load_manifest(manifest_lock)
    rows = manifest.split(split)
    if rows.empty:
        raise UserError(f"{name} has no samples in split {split}; see {Path(manifest_lock).with_suffix('.md')}")
    return Samples(
        dataset=name,
        classes=manifest.classes,
        paths=rows["path"].tolist(),
        labels=rows["label"].tolist(),
        groups=rows["group"].tolist(),
        source=_source(rows, Path(root).expanduser(), options),
    )


def _source(rows: "pd.DataFrame", root: Path, options: DatasetOptions) -> Source:
    originals = [str(root / path) for path in rows["path"]]
    if not options.is_video:
        return CifarSource(originals) if options.kind == "cifar100" else ImageSource(originals)
    if not options.uses_store:
        return VideoSource(originals, timelines(rows), stored=False)
    folder = store_folder(options.store, root)
    if not folder.is_dir():
        raise UserError(f"{folder} does not exist; run `ivvit extract`, or set `frames: original`")
    return _Stored([str(store_file(folder, sha256)) for sha256 in rows["sha256"]], timelines(rows), stored=True)


class _Stored(VideoSource):
    """Clips of the frame store; a damaged file of it is told apart from the video that it was made of."""

    def clip(self, index: int, clip: "Clip") -> "Tensor":
        """As of any source."""
        try:
            return super().clip(index, clip)
        except UnreadableError as error:
            file = self._files[index]
            if not Path(file).exists():
                raise
            text = f"{file} of the frame store is damaged: {error}; `ivvit extract` makes it again"
            raise UnreadableError(text) from error
