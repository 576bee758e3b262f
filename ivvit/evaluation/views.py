"""Evaluation batches: every sample once, its views placed evenly and always the same."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from ivvit.config.datasets import DatasetOptions
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.samples import Samples
from ivvit.numerics.sampling import Clip, uniform_clips
from ivvit.numerics.sizes import short_side_range
from ivvit.numerics.sources import VideoSource
from ivvit.numerics.transforms import Resize, crop_places, scale_short_side


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
        records, unreadable, paths = list[Record](), list[Record](), self.samples.paths
        size, views = (self.img_size, self.img_size, 3), self.clips * self.crops
        shape = (views, self.num_frames, *size) if self.options.is_video else (self.crops, *size)
        pixels = allocate((len(indices), *shape), dtype=torch.uint8)  # filled in place: views are many
        for index in indices:
            try:
                start = self._read_again_if_it_fails(index, pixels[len(records)].numpy())
            except UnreadableError as error:
                unreadable.append(Record(index, paths[index], reason=str(error)))
            else:
                records.append(Record(index, paths[index], start))
        labels = torch.tensor([self.samples.labels[record.index] for record in records], dtype=torch.int64)
        return Batch(pixels[: len(records)].movedim(-1, -3), labels, records, unreadable)

    def _read_again_if_it_fails(self, index: int, out: np.ndarray) -> float:
        """One hiccup of a disk or server must not cost the result a sample."""
        try:
            return self._read(index, out)
        except UnreadableError as error:
            if not isinstance(error.__cause__, OSError):
                raise
            return self._read(index, out)

    def _read(self, index: int, out: np.ndarray) -> float:
        """Fill in the views, (V, [T,] S, S, C), and say when the first clip starts, in seconds."""
        source = self.samples.source
        if not isinstance(source, VideoSource):
            self._fill(out[:, None], source.image(index)[None], [[0]])
            return 0.0
        clips = uniform_clips(source.timeline(index), self.options.clip_seconds, self.num_frames, self.clips)
        indices = np.unique(np.concatenate([clip.indices for clip in clips]))  # clips overlap: each frame once
        frames = source.clip(index, Clip(indices, clips[0].start_seconds))
        self._fill(out, frames, [np.searchsorted(indices, clip.indices).tolist() for clip in clips])
        return clips[0].start_seconds

    def _fill(self, out: np.ndarray, frames: torch.Tensor, clips: list[list[int]]) -> None:
        """The views of frames (U, C, H, W), of which each clip is some."""
        scaled = scale_short_side(frames, self.short_side, self.resize)
        pixels, size = scaled.movedim(-3, -1).numpy(), self.img_size
        places = crop_places(pixels.shape[1], pixels.shape[2], size, self.crops)
        for view, (clip, (top, left)) in enumerate(product(clips, places)):
            for place, frame in enumerate(clip):
                out[view, place] = pixels[frame, top : top + size, left : left + size]


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
