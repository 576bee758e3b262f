"""Weights of any known layout into a model."""

from typing import TYPE_CHECKING

from ivvit.numerics.load import LoadReport, load_tensors
from ivvit.weights.layouts import convert
from ivvit.weights.read import unwrap

if TYPE_CHECKING:
    from torch import Tensor

    from ivvit.numerics.models.common import JointModel


def load_weights(model: "JointModel", state_dict: "dict[str, Tensor]", allow_partial: bool = False) -> LoadReport:
    """Load a checkpoint of any known layout into one of the four models, in place.

    Position embeddings are interpolated to the model's size, image weights inflated for polyvit; a classifier is
    loaded where the model has one of that data set and as many classes, and reported as unexpected otherwise.

    Args:
        model: made by `ivvit.numerics.models.create_model`.
        state_dict: as `ivvit.weights.read_state_dict` gives it, or still inside {"state_dict": ...}.
        allow_partial: accept a checkpoint that lacks some of the backbone's parameters.

    Returns:
        A report: `loaded`, `missing` (names of the model), `unexpected` (names of the checkpoint), `notes`.

    Raises:
        UserError: an unknown layout, another shape, or less than all of the backbone. The model is then unchanged.
    """
    converted = convert(unwrap(state_dict))
    return load_tensors(model, converted.tensors, converted.layout, converted.origin, converted.leftover, allow_partial)
