"""Deterministic evaluation: every sample once over all processes, the softmax of its views averaged."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.pixels import normalize
from ivvit.numerics.precision import Precision
from ivvit.numerics.world import World


@dataclass(frozen=True)
class Evaluation:
    """metrics: {"top1", "top5" (fractions), "loss", "num_samples", "per_class", "unreadable"}.

    per_class is the accuracy of each class in the classes' order, None for a class without samples; confusion
    (classes, classes) int64 counts samples by true class (row) and predicted class (column).
    """

    metrics: dict[str, Any]
    confusion: Tensor


@torch.no_grad()
def evaluate(
    model: nn.Module, dataset: str, batches: Iterable[Batch], paths: list[str], classes: int, precision: Precision,
    device: torch.device, world: World, max_unreadable: float = 0.0,
) -> Evaluation:  # fmt: skip
    """Evaluate on batches of pixels (B, V, ...), V views of each sample.

    Args:
        model: called as model(pixels, dataset).
        dataset: the data set's name.
        batches: this process's share.
        paths: all samples' files, to name those that no batch had (unreadable files are left out).
        classes: number of classes.
        precision: autocast of the forward passes.
        device: where the model is.
        world: all processes of the evaluation.
        max_unreadable: the share of all samples that may be left out.

    Raises:
        UserError: more than that is unreadable, or all; on all processes alike.
    """
    model.eval()
    confusion = torch.zeros(classes * classes, dtype=torch.int64, device=device)
    sums = torch.zeros(2, dtype=torch.float64, device=device)  # loss, hits in the first five
    seen: list[int] = []
    reasons: dict[str, str | None] = {}
    for batch in batches:
        reasons |= {record.path: record.reason for record in batch.unreadable}
        if not batch.records:
            continue
        batch = batch.to(device)
        labels = batch.labels
        with precision.autocast():
            scores = _scores(model, dataset, batch.pixels)
        losses = -scores.gather(1, labels[:, None])
        top = scores.topk(min(5, classes)).indices
        sums += torch.stack([losses.double().sum(), (top == labels[:, None]).sum().double()])
        confusion.index_add_(0, labels * classes + top[:, 0], torch.ones_like(labels))
        seen += [record.index for record in batch.records]
    parts = world.gather((seen, reasons))
    indices = {index for part, _ in parts for index in part}
    unreadable = [path for index, path in enumerate(paths) if index not in indices]
    if len(unreadable) > max_unreadable * len(paths) or len(unreadable) == len(paths):
        reasons = {path: reason for _, part in parts for path, reason in part.items()}
        raise _unreadable(dataset, unreadable, len(paths), max_unreadable, reasons)
    return _summary(world.sum(confusion).view(classes, classes).cpu(), world.sum(sums).tolist(), unreadable)


def _unreadable(
    dataset: str, unreadable: list[str], total: int, tolerated: float, reasons: dict[str, str | None]
) -> UserError:
    """Too few samples would give a result that looks like any other, and it would be kept for ever."""
    example = next(path for path in unreadable if path in reasons)
    limit = f", above max_damaged ({tolerated:.1%})" if len(unreadable) < total else ""
    return UserError(
        f"{dataset}: {len(unreadable)} of {total} validation samples cannot be read{limit}, such as {example}: "
        f"{reasons[example]}. Is the data still there, and is the disk or server well? "
        f"`ivvit validate {dataset}` tells. Then start again: the run goes on from its last saved state"
    )


def _scores(model: nn.Module, dataset: str, pixels: Tensor) -> Tensor:
    """(B, V, ...) -> (B, classes): the logarithm of the views' mean softmax."""
    B, V = pixels.shape[:2]
    logits = model(normalize(pixels.flatten(0, 1), model.pixels), dataset).float().unflatten(0, (B, V))
    return logits.log_softmax(-1).logsumexp(1) - math.log(V)


def _summary(confusion: Tensor, sums: list[float], unreadable: list[str]) -> Evaluation:
    counts, hits = confusion.sum(1).tolist(), confusion.diagonal().tolist()
    total = sum(counts)
    metrics = {
        "top1": sum(hits) / max(total, 1),
        "top5": sums[1] / max(total, 1),
        "loss": sums[0] / max(total, 1),
        "num_samples": total,
        "per_class": [hit / count if count else None for hit, count in zip(hits, counts, strict=True)],
        "unreadable": unreadable,
    }
    return Evaluation(metrics, confusion)


def mean_metrics(metrics: dict[str, dict[str, Any]]) -> dict[str, float]:
    """The mean over data sets of top1, top5 and loss."""
    return {key: sum(values[key] for values in metrics.values()) / len(metrics) for key in ("top1", "top5", "loss")}
