"""From a batch of views to predictions."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from ivvit.evaluation.rows import ALL_CLASSES, TOP, Rows
from ivvit.numerics.batch import Batch
from ivvit.numerics.pixels import normalize
from ivvit.numerics.precision import Precision

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel


def score(model: "JointModel", head: str, pixels: Tensor, precision: Precision) -> Tensor:
    """The logarithm of the mean softmax of each sample's views, uint8 (B, V, ...) -> float32 (B, classes).

    NaN for a sample with a logit that is not finite: the softmax alone would hide a minus infinity.
    """
    B, V = pixels.shape[:2]
    with precision.autocast():
        logits = model(normalize(pixels.flatten(0, 1), model.pixels), head)
    logits = logits.float().unflatten(0, (B, V))
    scores = logits.log_softmax(-1).logsumexp(1) - math.log(V)
    return scores.masked_fill(~logits.isfinite().flatten(1).all(1, keepdim=True), math.nan)


@torch.no_grad()
def predict(model: "JointModel", head: str, batch: Batch, precision: Precision, device: torch.device) -> Rows:
    """The predictions of a batch. The model is in evaluation mode; it is called as model(pixels, head)."""
    unreadable = {record.index: record.reason or "" for record in batch.unreadable}
    if not batch.records:
        return Rows.none(unreadable)
    batch = batch.to(device)
    scores = score(model, head, batch.pixels, precision)
    top = scores.topk(min(TOP, scores.shape[1]))
    own = scores.gather(1, batch.labels[:, None])[:, 0]
    return Rows(
        index=np.array([record.index for record in batch.records], np.int64),
        label=_numpy(batch.labels).astype(np.int32),
        top=_numpy(top.indices).astype(np.int32),
        top_probability=_numpy(top.values.exp()),
        probability=_numpy(own.exp()),
        loss=_numpy(-own),
        probabilities=_numpy(scores.exp()).astype(np.float16) if scores.shape[1] <= ALL_CLASSES else None,
        unreadable=unreadable,
    )


def _numpy(tensor: Tensor) -> np.ndarray:
    return tensor.cpu().numpy()
