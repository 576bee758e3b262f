"""Evaluation batches: every sample once, its views placed evenly and always the same."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ivvit.config.datasets import DatasetOptions
from ivvit.data.batch import Batch, Record, collate
from ivvit.data.decode import UnreadableError
from ivvit.data.opened import OpenedSplit, open_split
from ivvit.data.sampling import uniform_clips
from ivvit.data.transforms import eval_views
from ivvit.data.views import short_side_range


@dataclass(frozen=True, kw_only=True)
class EvalData(OpenedSplit):
    """A split of a data set with `clips` x `crops` views of each video and `crops` of each image."""

    short_side: int
    clips: int
    crops: int

    def batch(self, indices: list[int]) -> Batch:
        """The samples with these numbers, views in a dimension after B.

        Files that cannot be read are left out and named in `unreadable`: a substitute would falsify the result.
        """
        samples, records, unreadable = [], [], []
        for index in indices:
            try:
                pixels, start = self._read_again_if_it_fails(index)
            except UnreadableError as error:
                unreadable.append(Record(index, self.paths[index], reason=str(error)))
            else:
                samples.append(pixels)
                records.append(Record(index, self.paths[index], start))
        batch = collate(samples, [self.labels[record.index] for record in records], records)
        return replace(batch, unreadable=unreadable)

    def _read_again_if_it_fails(self, index: int) -> tuple[torch.Tensor, float]:
        """One hiccup of a disk or server must not cost the result a sample."""
        try:
            return self._read(index)
        except UnreadableError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            return self._read(index)

    def _read(self, index: int) -> tuple[torch.Tensor, float]:
        """(views, the first clip's start in seconds)."""
        if not self.options.is_video:
            return eval_views(self.source.image(index), self.img_size, self.short_side, self.crops), 0.0
        clips = uniform_clips(self.source.timeline(index), self.options.clip_seconds, self.num_frames, self.clips)
        frames = (self.source.clip(index, clip) for clip in clips)
        views = [eval_views(clip, self.img_size, self.short_side, self.crops) for clip in frames]
        return torch.cat(views), clips[0].start_seconds


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
    fields = open_split(name, options, root, manifest_lock, split, img_size=img_size, num_frames=num_frames)
    short_side = short_side_range(name, options, img_size)[0]
    return EvalData(**fields, short_side=short_side, clips=clips, crops=crops)
