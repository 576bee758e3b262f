"""A data set's splits through a frozen model, for the vote of nearest neighbours (`ivvit.evaluation.neighbours`)."""

import torch

from ivvit.evaluation.evaluate import check_readable
from ivvit.evaluation.neighbours import Features, check_finite_features, embed, join_features
from ivvit.evaluation.views import EvalData
from ivvit.numerics.models.common import JointModel
from ivvit.numerics.precision import Precision
from ivvit.runs.loader import eval_loader
from ivvit.runs.memory import enough_memory


def features_of(
    model: JointModel, data: EvalData, precision: Precision, device: torch.device, batch_size: int, workers: int
) -> Features:
    """The features of a split's samples, by a model on its device; its heads are not used.

    Raises:
        UserError: more files than the data set's max_damaged allows cannot be read, or the GPU's memory does not
            suffice.
        Diverged: a feature is not finite.
    """
    parts = []
    for batch in eval_loader(data, batch_size=batch_size, workers=workers):
        with enough_memory("--batch-size"):
            parts.append(embed(model, batch, precision, device))
    features = join_features(parts)
    check_finite_features(features, data.samples)
    check_readable(features.lean(), data.samples, data.options.max_damaged)
    return features
