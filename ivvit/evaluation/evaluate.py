"""Deterministic evaluation of a model on a split: every sample once over all processes."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
import torch

from ivvit.evaluation.rows import Rows, join
from ivvit.evaluation.score import predict
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.finite import Diverged
from ivvit.numerics.precision import Precision
from ivvit.numerics.samples import Samples
from ivvit.numerics.world import World

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel


def evaluate(
    model: "JointModel", head: str, batches: Iterable[Batch], samples: Samples, precision: Precision,
    device: torch.device, world: World, max_unreadable: float = 0.0,
) -> Rows:  # fmt: skip
    """The predictions of a whole split, without the probabilities of all classes.

    Args:
        model: called as model(pixels, head).
        head: the name of the head.
        batches: this process's share, with pixels (B, V, ...): V views of each sample.
        samples: the whole split.
        precision: autocast of the forward passes.
        device: where the model is.
        world: all processes of the evaluation.
        max_unreadable: the share of all samples that may be left out.

    Raises:
        UserError: more than that is unreadable, or all; on all processes alike.
        Diverged: a prediction is not finite; likewise.
    """
    model.eval()
    mine = join([predict(model, head, batch, precision, device).lean() for batch in batches])
    rows = join(world.gather(mine))
    check_finite(rows, samples)
    check_readable(rows, samples, max_unreadable)
    return rows


def check_finite(rows: Rows, samples: Samples) -> None:
    """A destroyed model is no result.

    Raises:
        Diverged: a prediction is not finite.
    """
    if len(wrong := rows.not_finite()):
        raise Diverged(
            f"{samples.dataset}: the model's output is not finite for {len(wrong)} of {len(rows)} samples, such as "
            f"{samples.paths[wrong[0]]}: its weights are destroyed. Train with a lower learning rate, grad_clip or "
            "precision: fp32"
        )


def check_readable(rows: Rows, samples: Samples, tolerated: float) -> None:
    """Too few samples would give a result that looks like any other, and it would be kept for ever.

    Raises:
        UserError: of all samples, a larger share than `tolerated` has no prediction, or there is none at all.
    """
    total, name = len(samples), samples.dataset
    lost = np.setdiff1d(np.arange(total), rows.index)
    if len(lost) <= tolerated * total and len(lost) < total:
        return
    example = next(int(index) for index in lost if int(index) in rows.unreadable)
    limit = f", above max_damaged ({tolerated:.1%})" if len(lost) < total else ""
    raise UserError(
        f"{name}: {len(lost)} of {total} samples to evaluate cannot be read{limit}, such as {samples.paths[example]}: "
        f"{rows.unreadable[example]}. Is the data still there, and is the disk or server well? "
        f"`ivvit validate {name}` tells. Then start again: it goes on where it stood"
    )
