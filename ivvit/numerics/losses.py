"""Losses and hits of a batch, as sums on the device."""

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

SUMS = ("loss", "top1", "top5")


def batch_sums(logits: Tensor, labels: Tensor) -> Tensor:
    """(B, classes) and (B,) -> (3,): summed cross entropy, hits in the first and in the first five (or all) classes."""
    loss = cross_entropy(logits, labels, reduction="sum")
    hits = logits.topk(min(5, logits.shape[1])).indices == labels[:, None]
    return torch.stack([loss, hits[:, 0].sum().to(loss), hits.sum().to(loss)])
