"""mixup (Zhang et al., arXiv 1710.09412) and CutMix (Yun et al., arXiv 1905.04899) within a data set's batch.

Rows 2k and 2k + 1 of a batch are mixed with each other, so that a pair is on one process whatever their number. All
that is random comes from (seed, data set, step, pair); a clip has the same box in all frames.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ivvit.numerics.losses import Target
from ivvit.numerics.rng import Rng

if TYPE_CHECKING:
    from ivvit.config.recipe import RecipeOptions


@dataclass(frozen=True)
class _Draw:
    """What happens to a pair."""

    share: float
    box: tuple[int, int, int, int] | None = None
    """CutMix: top, left, bottom, right."""


def mixed(
    x: Tensor, labels: Tensor, recipe: "RecipeOptions", key: tuple[int | str, ...], first: int, total: int
) -> tuple[Tensor, Target]:
    """Mix rows of a batch.

    Args:
        x: (R, ..., H, W) normalised pixels, rows `first` ... `first` + R - 1 of a batch of `total`.
        labels: (R,).
        recipe: `mixup` and `cutmix` are the parameters of their Beta distributions, 0 for neither.
        key: (seed, data set, step).
        first: an even number.
        total: of an odd number, the last row stays as it is.
    """
    if not (recipe.mixup or recipe.cutmix):
        return x, Target(labels)
    rows, (height, width) = len(labels), x.shape[-2:]
    partner = [row ^ 1 if (first + row) ^ 1 < total else row for row in range(rows)]
    others, out, shares = x[partner], x.clone(), torch.ones(rows)
    for row in range(rows):
        if partner[row] == row:
            continue
        draw = _draw(recipe, Rng(*key, "mix", (first + row) // 2), height, width)
        shares[row] = draw.share
        if draw.box is None:
            out[row] = draw.share * x[row] + (1 - draw.share) * others[row]
        else:
            top, left, bottom, right = draw.box
            out[row, ..., top:bottom, left:right] = others[row, ..., top:bottom, left:right]
    return out, Target(labels, labels[partner], shares.to(x.device))


def _draw(recipe: "RecipeOptions", rng: Rng, height: int, width: int) -> _Draw:
    """One of both with equal chances, where both are wanted (as timm switches)."""
    cut = rng.uniform() < 0.5 if recipe.mixup and recipe.cutmix else bool(recipe.cutmix)
    share = rng.beta(recipe.cutmix if cut else recipe.mixup)
    if not cut:
        return _Draw(share)
    half_height, half_width = (round(size * math.sqrt(1 - share)) // 2 for size in (height, width))
    y, x = rng.integer(height), rng.integer(width)
    box = max(0, y - half_height), max(0, x - half_width), min(height, y + half_height), min(width, x + half_width)
    area = (box[2] - box[0]) * (box[3] - box[1])
    return _Draw(1 - area / (height * width), box)
