"""Evaluation batches: every sample once, its views placed evenly and always the same."""

import logging
from dataclasses import dataclass
from pathlib import Path

import torch

from ivvit.config.datasets import DatasetOptions
from ivvit.data.batch import Batch, Record
from ivvit.data.decode import UnreadableError
from ivvit.data.manifest import load_manifest
from ivvit.data.sampling import uniform_clips
from ivvit.data.sources import Source, open_source
from ivvit.data.transforms import eval_views
from ivvit.data.views import short_side_range
from ivvit.errors import UserError

log = logging.getLogger("ivvit.data")


@dataclass(frozen=True)
class EvalData:
    """A split of a data set with `clips` x `crops` views of each video and `crops` of each image."""

    name: str
    options: DatasetOptions
    classes: list[str]
    paths: list[str]
    labels: list[int]
    source: Source
    img_size: int
    num_frames: int
    short_side: int
    clips: int
    crops: int

    @property
    def num_classes(self) -> int:
        return len(self.classes)

    @property
    def num_samples(self) -> int:
        return len(self.paths)

    def batch(self, indices: list[int]) -> Batch | None:
        """The samples with these numbers, views in a dimension after B.

        A file that cannot be read is logged and left out, for a substitute would falsify the result: the batch is
        shorter then, and None where nothing is left.
        """
        samples = [sample for index in indices if (sample := self._try(index)) is not None]
        if not samples:
            return None
        pixels, records = zip(*samples, strict=True)
        labels = torch.tensor([self.labels[record.index] for record in records], dtype=torch.int64)
        return Batch(torch.stack(pixels), labels, list(records))

    def _try(self, index: int) -> tuple[torch.Tensor, Record] | None:
        try:
            return self._read(index)
        except UnreadableError as error:
            log.warning("%s: cannot read %s (%s); evaluation goes on without it", self.name, self.paths[index], error)
            return None

    def _read(self, index: int) -> tuple[torch.Tensor, Record]:
        if not self.options.is_video:
            views = eval_views(self.source.image(index), self.img_size, self.short_side, self.crops)
            return views, Record(index, self.paths[index])
        clips = uniform_clips(self.source.timeline(index), self.options.clip_seconds, self.num_frames, self.clips)
        views = [
            eval_views(self.source.clip(index, clip), self.img_size, self.short_side, self.crops) for clip in clips
        ]
        return torch.cat(views), Record(index, self.paths[index], clips[0].start_seconds)


def open_eval(
    name: str,
    options: DatasetOptions,
    root: Path,
    manifest_lock: Path,
    *,
    img_size: int,
    num_frames: int,
    split: str = "val",
    clips: int = 1,
    crops: int = 1,
) -> EvalData:
    """A split of a validated data set, for evaluation.

    Raises:
        UserError: the manifest or the frame store is missing, or the split is empty.
    """
    manifest = load_manifest(manifest_lock)
    rows = manifest.split(split)
    if rows.empty:
        raise UserError(f"{name} has no samples in split {split}; see {Path(manifest_lock).with_suffix('.md')}")
    root = Path(root).expanduser()
    return EvalData(
        name, options, manifest.classes, rows["path"].tolist(), rows["label"].tolist(),
        open_source(rows, root, options), img_size, num_frames, short_side_range(name, options, img_size)[0],
        clips, crops,
    )  # fmt: skip
