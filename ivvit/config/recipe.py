"""Today's training recipes: what is done to samples and labels beyond the paper's crops and flips. All are off."""

from typing import Annotated

from pydantic import BeforeValidator, Field

from ivvit.config.base import Section, off
from ivvit.config.optimisation import per_dataset


class RecipeOptions(Section):
    """What is done to a data set's samples and labels in training."""

    label_smoothing: float = Field(0.0, ge=0, lt=1, json_schema_extra=off(0.0))
    """Share of a label that is spread over all classes."""
    mixup: float = Field(0.0, ge=0, json_schema_extra=off(0.0))
    """alpha of mixup's Beta distribution; pairs are of one data set. With cutmix, each pair has one of both."""
    cutmix: float = Field(0.0, ge=0, json_schema_extra=off(0.0))
    """alpha of CutMix's Beta distribution; a clip has the same box in all frames."""
    rand_augment: int = Field(0, ge=0, le=30, json_schema_extra=off(0))
    """RandAugment's magnitude, 1 to 30 (9 is usual); 0 for none. All frames of a clip are changed alike."""
    rand_augment_ops: int = Field(2, ge=1, json_schema_extra=off(2))
    """Changes that RandAugment makes to a sample."""
    random_erasing: float = Field(0.0, ge=0, le=1, json_schema_extra=off(0.0))
    """Probability that a rectangle of a sample is replaced by the mean colour, the same in all frames."""
    repeats: int = Field(1, ge=1, json_schema_extra=off(1))
    """Repeated augmentation: how often a sample is in a batch, each time augmented otherwise."""


PerRecipe = Annotated[
    dict[str, RecipeOptions],
    BeforeValidator(per_dataset, json_schema_input_type=RecipeOptions | dict[str, RecipeOptions]),
]
