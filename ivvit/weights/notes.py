"""What is possible but worth a note: weights that are used otherwise than they were trained."""

from typing import Any

from ivvit.config.experiment import Experiment
from ivvit.config.models import TokenShiftOptions
from ivvit.config.pixels import pixels_of_weights

TOKENSHIFTS_OWN = 4
"""fold_div of all of TokenShift's published configurations, and so of its Kinetics400 checkpoint."""


def notes(experiment: Experiment, lock: dict[str, Any]) -> list[str]:
    """Sentences about an experiment's weights; none where all fits.

    Args:
        experiment: with its pixels resolved.
        lock: of the weights that it starts from.
    """
    found = []
    known = lock.get("pixels")
    normalize, interpolation = pixels_of_weights(lock)
    if known is not None and (experiment.normalize, experiment.interpolation) != (normalize, interpolation):
        found.append(
            f"{experiment.pretrain} was trained with pixels of mean {list(normalize.mean)}, std {list(normalize.std)}, "
            f"{interpolation}, not as `normalize` and `interpolation` say; leave them out to have its own"
        )
    model = experiment.model
    own = experiment.pretrain == "Kinetics400"
    if own and isinstance(model, TokenShiftOptions) and model.fold_div != TOKENSHIFTS_OWN:
        found.append(
            f"Kinetics400 is TokenShift's own checkpoint, which was trained with fold_div {TOKENSHIFTS_OWN}; "
            f"this experiment has {model.fold_div} (the IV-ViT authors' code has 8)"
        )
    return found
