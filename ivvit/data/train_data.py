"""Training batches as a pure function of (seed, data set, step)."""

from dataclasses import dataclass
from pathlib import Path

import torch

from ivvit.config.datasets import DatasetOptions
from ivvit.data.batch import Batch, Record, collate
from ivvit.data.decode import UnreadableError
from ivvit.data.draws import Draws
from ivvit.data.opened import OpenedSplit, open_split
from ivvit.data.sampling import random_clip, sample_at, substitute_at
from ivvit.data.transforms import train_clip, train_image
from ivvit.data.views import short_side_range
from ivvit.errors import UserError

ATTEMPTS = 20
"""Substitutes that may fail in a row before the data set is taken to be lost."""


@dataclass(frozen=True, kw_only=True)
class TrainData(OpenedSplit):
    """The training split of a data set, for one seed."""

    short_side: tuple[int, int]
    seed: int

    def batch(self, step: int, batch_size: int, rows: slice = slice(None)) -> Batch:
        """Rows of the batch of a step (0, 1, ...): a pure function of (seed, data set, step).

        Raises:
            UserError: so many files cannot be read that the data set must be lost.
        """
        first = step * batch_size
        samples = [self._sample(first + row) for row in range(batch_size)[rows]]
        pixels, labels, records = zip(*samples, strict=True)
        return collate(pixels, labels, list(records))

    def _sample(self, position: int) -> tuple[torch.Tensor, int, Record]:
        """The sample at a position of the stream, or its substitute, which is a function of the position as well."""
        wanted = index = sample_at(self.seed, self.name, position, self.num_samples)
        reason = None
        for attempt in range(ATTEMPTS):
            try:
                pixels, start = self._read(index, position)
            except UnreadableError as error:
                reason = reason or str(error)
                index = substitute_at(self.seed, self.name, position, attempt, self.num_samples)
            else:
                substitute_for = self.paths[wanted] if reason else None
                return pixels, self.labels[index], Record(index, self.paths[index], start, substitute_for, reason)
        raise UserError(
            f"{self.name}: {self.paths[wanted]} cannot be read ({reason}), nor can {ATTEMPTS - 1} others in its place; "
            "is the data still there? `ivvit validate` tells"
        )

    def _read(self, index: int, position: int) -> tuple[torch.Tensor, float]:
        """(augmented pixels, the clip's start in seconds)."""
        draws = Draws(self.seed, self.name, "augment", position)
        if not self.options.is_video:
            image = self.source.image(index)
            return train_image(image, self.img_size, self.options.crop_scale, self.options.flip, draws), 0.0
        clip = random_clip(self.source.timeline(index), self.options.clip_seconds, self.num_frames, draws)
        frames = self.source.clip(index, clip)
        return train_clip(frames, self.img_size, self.short_side, self.options.flip, draws), clip.start_seconds


def open_train(
    name: str,
    options: DatasetOptions,
    root: Path,
    manifest_lock: Path,
    *,
    img_size: int,
    num_frames: int,
    seed: int,
) -> TrainData:
    """The training split of a validated data set.

    Raises:
        UserError: the manifest or the frame store is missing, or the split is empty.
    """
    fields = open_split(name, options, root, manifest_lock, "train", img_size=img_size, num_frames=num_frames)
    return TrainData(**fields, short_side=short_side_range(name, options, img_size), seed=seed)
