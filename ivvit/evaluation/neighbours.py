"""How good a frozen model's features are: the weighted vote of the nearest training samples (Wu et al., CVPR 2018).

As DINO's evaluation has it (Caron et al., ICCV 2021): cosine similarity, 20 neighbours, weights exp(similarity / 0.07).
A sample's feature is what its head would see, averaged over views. N samples, D width, C classes, V views.
"""

import copy
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize as unit

from ivvit.evaluation.metrics import DatasetMetrics, dataset_metrics
from ivvit.evaluation.rows import TOP, Rows
from ivvit.numerics.batch import Batch
from ivvit.numerics.finite import Diverged
from ivvit.numerics.pixels import normalize
from ivvit.numerics.precision import Precision
from ivvit.numerics.samples import Samples

if TYPE_CHECKING:
    from ivvit.numerics.models.common import JointModel

TEMPERATURE = 0.07
_LEAST = 1e-6  # the probability of a class that no neighbour has, so that the loss is a number
_PART = 256


@dataclass(frozen=True, eq=False)
class Features:
    """Some samples of a split as a model sees them."""

    index: np.ndarray
    """int64 (N,): positions in the split."""
    values: np.ndarray
    """float32 (N, D), of length 1."""
    unreadable: dict[int, str] = field(default_factory=dict)
    """Positions of the samples that had to be left out, and why."""

    def __len__(self) -> int:
        return len(self.index)

    def lean(self) -> Rows:
        """Which samples there are, without their features."""
        return replace(Rows.none(self.unreadable), index=self.index)


def join_features(parts: Sequence[Features]) -> Features:
    """The features of all parts, by position."""
    unreadable = {index: reason for part in parts for index, reason in part.unreadable.items()}
    full = [part for part in parts if len(part)]
    if not full:
        return Features(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), unreadable)
    index = np.concatenate([part.index for part in full])
    order = np.argsort(index, kind="stable")
    values = np.concatenate([part.values for part in full])
    return Features(index[order], values[order], dict(sorted(unreadable.items())))


def features_to_bytes(features: Features) -> bytes:
    """The features as a file's content."""
    unreadable = np.frombuffer(json.dumps(list(features.unreadable.items())).encode(), np.uint8)
    stream = BytesIO()
    np.savez(stream, index=features.index, values=features.values, unreadable=unreadable)
    return stream.getvalue()


def features_from_bytes(content: bytes) -> Features:
    """The features that `features_to_bytes` was given."""
    with np.load(BytesIO(content)) as found:
        return Features(found["index"], found["values"], dict(json.loads(found["unreadable"].tobytes())))


class _Handed(nn.Module):
    """In the place of heads: hands on what they would see."""

    attentive = False

    def forward(self, features: Tensor, _: str) -> Tensor:
        return features


@torch.no_grad()
def embed(model: "JointModel", batch: Batch, precision: Precision, device: torch.device) -> Features:
    """A batch, uint8 pixels (B, V, ...), through a model in evaluation mode, on its device, without its heads."""
    unreadable = {record.index: record.reason or "" for record in batch.unreadable}
    if not batch.records:
        return join_features([Features(np.zeros(0, np.int64), np.zeros((0, 0), np.float32), unreadable)])
    trunk = copy.copy(model)
    trunk._modules = {**model._modules, "heads": _Handed()}
    pixels = batch.pixels.to(device)
    with precision.autocast():
        seen = trunk(normalize(pixels.flatten(0, 1), model.pixels), "")
    values = unit(seen.float().unflatten(0, pixels.shape[:2]).mean(1), dim=1)
    index = np.array([record.index for record in batch.records], np.int64)
    return Features(index, values.cpu().numpy(), unreadable)


def check_finite_features(features: Features, samples: Samples) -> None:
    """A destroyed model is no result.

    Raises:
        Diverged: a feature is not finite.
    """
    wrong = features.index[~np.isfinite(features.values).all(1)]
    if len(wrong):
        raise Diverged(
            f"{samples.dataset}: the model's features are not finite for {len(wrong)} of {len(features)} samples, such "
            f"as {samples.paths[wrong[0]]}: its weights are destroyed. Train with a lower learning rate, grad_clip or "
            "precision: fp32"
        )


def neighbours(
    bank: np.ndarray, labels: Sequence[int], asked: np.ndarray, classes: int, k: int, device: torch.device
) -> np.ndarray:
    """(N, C) float32 probabilities: the votes of the k training samples that are most alike.

    Args:
        bank: (M, D) features of the training samples, of length 1.
        labels: their classes.
        asked: (N, D), of length 1.
        classes: C.
        k: how many vote; all where there are fewer.
        device: where to compute.
    """
    known, own = torch.from_numpy(bank).to(device), torch.tensor(labels, device=device)
    parts = []
    for part in torch.from_numpy(asked).split(_PART):
        nearest = (part.to(device) @ known.T).topk(min(k, len(own)))
        votes = torch.zeros(len(part), classes, device=device)
        votes.scatter_add_(1, own[nearest.indices], (nearest.values / TEMPERATURE).softmax(1))
        parts.append(votes.cpu())
    return torch.cat(parts).numpy()


def knn_metrics(
    bank: Features, train: Samples, asked: Features, test: Samples, split: str, k: int, device: torch.device
) -> DatasetMetrics:
    """The numbers of a split by the vote of training samples, as an evaluation's.

    Args:
        bank: the training samples' features, at least one.
        train: the training samples.
        asked: the split's features, at least one.
        test: its samples, whose classes are those of `train`.
        split: its name.
        k: how many vote.
        device: where to compute.
    """
    labels, index = [train.labels[i] for i in bank.index], asked.index.tolist()
    votes, seen = neighbours(bank.values, labels, asked.values, test.num_classes, k, device), set(index)
    rows = _rows(votes, asked.index, np.array([test.labels[i] for i in index], np.int32))
    return dataset_metrics(
        rows, classes=test.classes, groups=[test.groups[i] for i in index], split=split,
        unreadable=[path for i, path in enumerate(test.paths) if i not in seen],
    )  # fmt: skip


def _rows(probabilities: np.ndarray, index: np.ndarray, labels: np.ndarray) -> Rows:
    """Probabilities (N, C) as predictions."""
    top = np.argsort(-probabilities, 1, kind="stable")[:, :TOP]
    probability = probabilities[np.arange(len(labels)), labels]
    return Rows(
        index, labels, top.astype(np.int32), np.take_along_axis(probabilities, top, 1), probability,
        -np.log(np.maximum(probability, _LEAST)), None,
    )  # fmt: skip
