"""Training batches as a pure function of (seed, data set, step)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch, Record, collate
from ivvit.numerics.decode import UnreadableError
from ivvit.numerics.erasing import erase
from ivvit.numerics.pixels import PAPER, Pixels
from ivvit.numerics.rng import Rng
from ivvit.numerics.samples import Samples
from ivvit.numerics.sampling import random_clip, sample_at, substitute_at
from ivvit.numerics.sizes import short_side_range
from ivvit.numerics.sources import VideoSource
from ivvit.numerics.transforms import Resize, clip_crop, train_image

if TYPE_CHECKING:
    from ivvit.config.datasets import DatasetOptions
    from ivvit.config.recipe import RecipeOptions

ATTEMPTS = 20
"""Substitutes that may fail in a row before the data set is taken to be lost."""


@dataclass(frozen=True, kw_only=True)
class TrainData:
    """The training samples of a data set for one seed, and how they are augmented."""

    samples: Samples
    options: "DatasetOptions"
    img_size: int
    num_frames: int
    short_side: tuple[int, int]
    seed: int
    recipe: "RecipeOptions | None"
    pixels: Pixels

    def batch(
        self, step: int, batch_size: int, rows: slice = slice(None), allocate: Callable[..., torch.Tensor] = torch.empty
    ) -> Batch:
        """Rows of the batch of a step (0, 1, ...): a pure function of (seed, data set, step).

        Args:
            step: the data set's own count of batches.
            batch_size: samples of the whole batch.
            rows: this process's.
            allocate: makes the tensor of pixels, as torch.empty does.

        Raises:
            UserError: so many files cannot be read that the data set must be lost.
        """
        first = step * batch_size
        places = [(first + row, self._stream(step, row, batch_size)) for row in range(batch_size)[rows]]
        pixels, labels, records = zip(*(self._sample(*place) for place in places), strict=True)
        return collate(pixels, labels, list(records), step, allocate)

    def _stream(self, step: int, row: int, batch_size: int) -> int:
        """The place in the stream of samples that a row shows; repeats show a batch's first part again."""
        different = batch_size // (self.recipe.repeats if self.recipe else 1)
        return step * different + row % different

    def _sample(self, position: int, place: int) -> tuple[torch.Tensor, int, Record]:
        """The sample at a place of the stream, or its substitute; its augmentation is a function of the position."""
        samples, name = self.samples, self.samples.dataset
        wanted = index = sample_at(self.seed, name, place, len(samples))
        reason = None
        for attempt in range(ATTEMPTS):
            try:
                pixels, start = self._read(index, position)
            except UnreadableError as error:
                reason = reason or str(error)
                index = substitute_at(self.seed, name, position, attempt, len(samples))
            else:
                substitute_for = samples.paths[wanted] if reason else None
                return pixels, samples.labels[index], Record(index, samples.paths[index], start, substitute_for, reason)
        raise UserError(
            f"{name}: {samples.paths[wanted]} cannot be read ({reason}), nor can {ATTEMPTS - 1} others in its place; "
            "is the data still there? `ivvit validate` tells"
        )

    def _read(self, index: int, position: int) -> tuple[torch.Tensor, float]:
        """(augmented pixels, the clip's start in seconds)."""
        rng, source = Rng(self.seed, self.samples.dataset, "augment", position), self.samples.source
        resize, flip = Resize(self.pixels.interpolation, self.options.antialias), self.options.flip
        if not isinstance(source, VideoSource):
            image = train_image(source.image(index), self.img_size, self.options.crop_scale, flip, rng, resize)
            return self._augmented(image, position), 0.0
        clip = random_clip(source.timeline(index), self.options.clip_seconds, self.num_frames, rng)
        crop = clip_crop(self.img_size, self.short_side, flip, rng)
        frames = crop.finish(source.clip(index, clip, crop.box), resize)
        return self._augmented(frames, position), clip.start_seconds

    def _augmented(self, pixels: torch.Tensor, position: int) -> torch.Tensor:
        """What the recipe adds, from a stream of its own."""
        recipe = self.recipe
        if recipe is None or not (recipe.rand_augment or recipe.random_erasing):
            return pixels
        rng = Rng(self.seed, self.samples.dataset, "recipe", position)
        if recipe.rand_augment:
            from ivvit.numerics.rand_augment import rand_augment  # here, because other workers need no torchvision

            pixels = rand_augment(pixels, recipe.rand_augment, recipe.rand_augment_ops, rng)
        return erase(pixels, self.pixels.mean, rng) if rng.uniform() < recipe.random_erasing else pixels


def make_train_data(
    samples: Samples, options: "DatasetOptions", *, img_size: int, num_frames: int, seed: int,
    recipe: "RecipeOptions | None" = None, pixels: Pixels = PAPER,
) -> TrainData:  # fmt: skip
    """The training data of one seed; without a recipe, cropped and flipped only.

    Raises:
        UserError: the configured short side is below `img_size`.
    """
    short_side = short_side_range(samples.dataset, options, img_size)
    return TrainData(
        samples=samples, options=options, img_size=img_size, num_frames=num_frames, short_side=short_side, seed=seed,
        recipe=recipe, pixels=pixels,
    )  # fmt: skip


def rows_of(rank: int, world: int, batch_size: int) -> slice:
    """The rows of a batch that one of `world` processes takes: [rank B / world, (rank + 1) B / world)."""
    return slice(rank * batch_size // world, (rank + 1) * batch_size // world)
