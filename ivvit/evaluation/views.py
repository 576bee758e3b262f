"""Evaluation batches: every sample once, its views placed evenly and always the same."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from ivvit.config.datasets import DatasetOptions
from ivvit.numerics.batch import Batch, Record, collate
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.samples import Samples
from ivvit.numerics.sampling import uniform_clips
from ivvit.numerics.sizes import short_side_range
from ivvit.numerics.sources import VideoSource
from ivvit.numerics.transforms import Resize, eval_views


@dataclass(frozen=True, kw_only=True)
class EvalData:
    """A split of a data set with `clips` x `crops` views of each video and `crops` of each image."""

    samples: Samples
    options: DatasetOptions
    img_size: int
    num_frames: int
    short_side: int
    resize: Resize
    clips: int
    crops: int

    def batch(self, indices: list[int], allocate: Callable[..., torch.Tensor] = torch.empty) -> Batch:
        """The samples with these numbers, views in a dimension after B.

        Files that cannot be read are left out and named in `unreadable`: a substitute would falsify the result.
        """
        pixels, records, unreadable, paths = [], [], [], self.samples.paths
        for index in indices:
            try:
                views, start = self._read_again_if_it_fails(index)
            except UnreadableError as error:
                unreadable.append(Record(index, paths[index], reason=str(error)))
            else:
                pixels.append(views)
                records.append(Record(index, paths[index], start))
        labels = [self.samples.labels[record.index] for record in records]
        batch = collate(pixels, labels, records, allocate=allocate)
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
        source = self.samples.source
        if not isinstance(source, VideoSource):
            return eval_views(source.image(index), self.img_size, self.short_side, self.crops, self.resize), 0.0
        clips = uniform_clips(source.timeline(index), self.options.clip_seconds, self.num_frames, self.clips)
        frames = (source.clip(index, clip) for clip in clips)
        views = [eval_views(clip, self.img_size, self.short_side, self.crops, self.resize) for clip in frames]
        return torch.cat(views), clips[0].start_seconds


def make_eval_data(
    samples: Samples, options: DatasetOptions, *, img_size: int, num_frames: int, clips: int = 1, crops: int = 1,
    interpolation: str = "bilinear",
) -> EvalData:  # fmt: skip
    """A split with its views.

    Raises:
        UserError: the configured short side is below `img_size`.
    """
    short_side = short_side_range(samples.dataset, options, img_size)[0]
    return EvalData(
        samples=samples, options=options, img_size=img_size, num_frames=num_frames, short_side=short_side,
        clips=clips, crops=crops, resize=Resize(interpolation, options.antialias),
    )  # fmt: skip
