"""Losses and hits of a batch, as sums on the device."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

SUMS = ("loss", "top1", "top5")


@dataclass(frozen=True)
class Target:
    """What a batch's logits are compared with."""

    labels: Tensor
    """(B,) int64."""
    others: Tensor | None = None
    """(B,): the labels of what was mixed into the samples, or None."""
    share: Tensor | None = None
    """(B,): how much of each sample is its own."""


def batch_sums(logits: Tensor, target: Target, smoothing: float = 0.0) -> Tensor:
    """(B, classes) -> (3,): summed cross entropy, hits in the first and in the first five (or all) classes.

    Args:
        logits: (B, classes).
        target: of mixed samples, the loss is shared by both labels; a hit is one of a sample's own.
        smoothing: the share of the label that is spread over all classes (Szegedy et al., 2016, section 7).
    """
    hits = logits.topk(min(5, logits.shape[1])).indices == target.labels[:, None]
    loss = _loss(logits, target, smoothing)
    return torch.stack([loss, hits[:, 0].sum().to(loss), hits.sum().to(loss)])


def _loss(logits: Tensor, target: Target, smoothing: float) -> Tensor:
    if target.others is None or target.share is None:
        return cross_entropy(logits, target.labels, reduction="sum", label_smoothing=smoothing)
    own, other = (
        cross_entropy(logits, labels, reduction="none", label_smoothing=smoothing)
        for labels in (target.labels, target.others)
    )
    return (target.share * own + (1 - target.share) * other).sum()
