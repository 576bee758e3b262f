"""What `train` and `val` are where a data set has no val of its own: two parts of its training samples."""

from typing import Any

from ivvit.config.datasets import HoldoutOptions
from ivvit.config.experiment import Experiment
from ivvit.ground.digest import digest


def holdout_of(experiment: Experiment, dataset: str) -> HoldoutOptions | None:
    """What an experiment holds out of a data set that has no val: the data set's own before that of `validation`."""
    return experiment.data[dataset].holdout or experiment.validation.holdout


def is_divided(manifest: dict[str, Any], split: str, holdout: HoldoutOptions | None) -> bool:
    """Whether a split is a part of the manifest's train."""
    return holdout is not None and split != "test" and not manifest["counts"]["val"]


def split_digest(manifest: dict[str, Any], split: str, holdout: HoldoutOptions | None) -> str:
    """The digest of a split's content; of one that is a part of train, of all that it follows from."""
    if holdout is None or not is_divided(manifest, split, holdout):
        return manifest["digests"][split]
    return digest([split, manifest["digests"]["train"], holdout.model_dump(mode="json")])
