"""How good a frozen model's features are: the weighted vote of the nearest training samples (Wu et al., CVPR 2018).

As DINO's evaluation has it (Caron et al., ICCV 2021): cosine similarity, 20 neighbours, weights exp(similarity / 0.07).
A sample's feature is what its head would see, averaged over views. N samples, D width, C classes, V views.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize as unit

from ivvit.evaluation.metrics import DatasetMetrics, dataset_metrics
from ivvit.evaluation.rows import TOP, Rows
from ivvit.evaluation.views import EvalData
from ivvit.ground.errors import UserError
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.pixels import normalize
from ivvit.numerics.precision import Precision
from ivvit.runs.loader import eval_loader
from ivvit.runs.memory import enough_memory

TEMPERATURE = 0.07
_LEAST = 1e-6  # the probability of a class that no neighbour has, so that the loss is a number
_PART = 256


class _Features(nn.Module):
    """In the place of heads: hands on what they would see."""

    attentive = False

    def forward(self, features: Tensor, _: str) -> Tensor:
        return features


@dataclass(frozen=True)
class Embedding:
    """Samples as a model sees them."""

    features: Tensor
    """float32 (N, D), of length 1."""
    indices: list[int]
    """Positions in the split; files that cannot be read are left out."""


@torch.no_grad()
def embed(
    model: JointModel, data: EvalData, precision: Precision, device: torch.device, batch_size: int, workers: int
) -> Embedding:
    """A split through a model, on its device, without its heads.

    Raises:
        UserError: nothing can be read, the features are not finite, or the GPU's memory does not suffice.
    """
    trunk = copy.copy(model)
    trunk._modules = {**model._modules, "heads": _Features()}
    found, indices = [], list[int]()
    for batch in eval_loader(data, batch_size=batch_size, workers=workers):
        if not batch.records:
            continue
        pixels = batch.pixels.to(device)
        with enough_memory("--batch-size"), precision.autocast():
            seen = trunk(normalize(pixels.flatten(0, 1), model.pixels), "")
        found.append(unit(seen.float().unflatten(0, pixels.shape[:2]).mean(1), dim=1))
        indices += [record.index for record in batch.records]
    if not found or not torch.isfinite(features := torch.cat(found)).all():
        what = "no file can be read" if not found else "the model's features are not finite"
        raise UserError(f"{data.samples.dataset}: {what}")
    return Embedding(features, indices)


def neighbours(train: Embedding, labels: Sequence[int], asked: Embedding, classes: int, k: int) -> np.ndarray:
    """(N, C) float32 probabilities: the votes of the k training samples that are most alike."""
    known = torch.tensor([labels[index] for index in train.indices], device=train.features.device)
    parts = []
    for part in asked.features.split(_PART):
        nearest = (part @ train.features.T).topk(min(k, len(known)))
        votes = torch.zeros(len(part), classes, device=part.device)
        votes.scatter_add_(1, known[nearest.indices], (nearest.values / TEMPERATURE).softmax(1))
        parts.append(votes)
    return torch.cat(parts).cpu().numpy()


def knn_metrics(train: EvalData, test: EvalData, split: str, embeddings: tuple[Embedding, Embedding],
                k: int) -> DatasetMetrics:  # fmt: skip
    """The numbers of a split by the training samples, as an evaluation's."""
    samples, (known, asked) = test.samples, embeddings
    probabilities = neighbours(known, train.samples.labels, asked, samples.num_classes, k)
    rows, seen = rows_of(probabilities, asked.indices, samples.labels), set(asked.indices)
    return dataset_metrics(
        rows, classes=samples.classes, groups=[samples.groups[index] for index in asked.indices], split=split,
        unreadable=[path for index, path in enumerate(samples.paths) if index not in seen],
    )  # fmt: skip


def rows_of(probabilities: np.ndarray, indices: list[int], labels: Sequence[int]) -> Rows:
    """Probabilities (N, C) as predictions."""
    top = np.argsort(-probabilities, 1, kind="stable")[:, :TOP]
    own = np.array([labels[index] for index in indices], np.int32)
    probability = probabilities[np.arange(len(own)), own]
    return Rows(
        np.array(indices, np.int64), own, top.astype(np.int32), np.take_along_axis(probabilities, top, 1), probability,
        -np.log(np.maximum(probability, _LEAST)), None,
    )  # fmt: skip
