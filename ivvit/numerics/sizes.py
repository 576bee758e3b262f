"""Sizes that the transforms of a data set use at a given image size."""

from typing import TYPE_CHECKING

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from ivvit.config.datasets import DatasetOptions

REFERENCE, SHORT_SIDE = 224, (256, 320)
"""The paper's crop and the range of the short side it is taken from; other sizes are in proportion."""


def short_side_range(name: str, options: "DatasetOptions", img_size: int) -> tuple[int, int]:
    """Range of the short side before cropping `img_size` pixels; its lower end is evaluation's.

    Raises:
        UserError: the configured range is smaller than the crop.
    """
    low, high = options.short_side or tuple(round(img_size * side / REFERENCE) for side in SHORT_SIDE)
    if low < img_size:
        raise UserError(f"datasets.{name}.short_side: [{low}, {high}] is below the model's img_size {img_size}")
    return low, high
