"""How an experiment is optimised: optimisers, schedules, weightings. Semantics: README, "Training, exactly"."""

from itertools import pairwise
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ivvit.config.base import Section, named, off
from ivvit.config.datasets import Holdout

T = TypeVar("T", bound=Section)
Beta = Annotated[float, Field(ge=0, lt=1)]


TorchOptimizer = Literal["SGD", "Adam", "AdamW"]
# Of timm's factory, those that need no further package, no second backward pass and no generator of their own.
TimmOptimizer = Literal[
    "adabelief", "adafactorbv", "adamp", "adan", "adanw", "adopt", "adoptw", "lamb", "lambc", "lambw", "laprop",
    "lars", "lion", "madgrad", "mars", "muon", "nadamuon", "nadamw", "nesterov", "novograd", "radamw", "sgdp", "sgdw",
]  # fmt: skip
BETAS = (0.9, 0.999)


class OptimizerOptions(Section):
    """An optimiser of torch or timm."""

    name: TorchOptimizer | TimmOptimizer = "AdamW"
    """torch's three, or by timm's name."""
    lr: float = Field(1e-5, gt=0)
    """Peak learning rate."""
    weight_decay: float = Field(5e-5, ge=0)
    """Decoupled for AdamW, as L2 regularisation for the others."""
    momentum: float = Field(0.9, ge=0, lt=1)
    """SGD, and timm's that have one."""
    betas: tuple[Beta, Beta] = BETAS
    """Adam and AdamW; of timm's, those that have two, which keep their own defaults unless these are changed."""
    no_decay: bool = Field(False, json_schema_extra=off(False))
    """Leave biases, norms, positions and tokens out of weight decay, by timm's rule. The paper's code decays all."""

    @model_validator(mode="after")
    def _two_betas(self) -> "OptimizerOptions":
        if self.name in ("adan", "adanw") and self.betas != BETAS:
            raise ValueError(f"betas: {self.name} has three of its own; leave betas out")
        return self


class ScheduleOptions(Section):
    """A learning-rate schedule, stepped once an iteration."""

    name: Literal["constant", "MultiStepLR", "cosine"] = "cosine"
    """MultiStepLR and cosine (CosineAnnealingLR) are torch's."""
    milestones: tuple[Annotated[float, Field(gt=0)], ...] = (0.5, 0.75)
    """MultiStepLR: iterations (whole numbers of 1 or more) or fractions of all iterations (below 1)."""
    gamma: float = Field(0.1, gt=0, le=1)
    """MultiStepLR: factor at each milestone."""
    warmup: int = Field(0, ge=0)
    """Iterations of linear warm-up."""
    period: int | None = Field(None, ge=1)
    """cosine: iterations down to the lowest rate (T_max); by default all of them."""
    min_factor: float = Field(0.0, ge=0, lt=1, json_schema_extra=off(0.0))
    """cosine: the lowest rate, as a share of the peak."""

    @field_validator("milestones")
    @classmethod
    def _in_order(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if not value:
            raise ValueError("is empty; give at least one, or lr_schedule: constant")
        if odd := [m for m in value if m >= 1 and m != int(m)]:
            raise ValueError(f"must be whole iterations or fractions below 1, found {odd[0]:g}")
        if any(b <= a for a, b in pairwise(value)) or (value[0] < 1 <= value[-1]):
            raise ValueError(f"must increase, all iterations or all fractions; found {[f'{m:g}' for m in value]}")
        return value

    @field_validator("name", mode="before")
    @classmethod
    def _torch_name(cls, value: Any) -> Any:
        return "cosine" if value == "CosineAnnealingLR" else value


class LossWeighting(Section):
    """How the data sets' losses are weighed against each other."""

    name: Literal["equal", "fixed", "uncertainty", "dwa"] = "equal"
    """fixed: `loss_weight` of each data set; uncertainty: learned log-variances; dwa: dynamic weight average."""
    window: int = Field(500, ge=1)
    """dwa: iterations per window of mean losses."""
    temperature: float = Field(2.0, gt=0)
    """dwa: softmax temperature."""
    lr: float = Field(1e-3, gt=0)
    """uncertainty: learning rate of the log-variances' own optimiser."""


class Views(Section):
    """What a model is shown of each sample."""

    clips: int = Field(1, ge=1)
    """Clips per video, placed uniformly."""
    crops: Literal[1, 3] = 1
    """Spatial crops per clip or image, placed uniformly along the long side."""
    batch_size: int = Field(16, ge=1)
    """Samples per batch; in no identity, so that it can be lowered where memory runs out."""


class ValidationOptions(Views):
    """What a training selects by on its way: on val, never on test. Part of the training."""

    every: int | None = Field(None, ge=1)
    """Iterations between validations; by default there are none."""
    keep: Literal["last", "best"] = "last"
    """Which model is the result; `best` needs `every`."""
    metric: Literal["top1", "top5", "loss"] = "top1"
    """What `best` looks at, averaged over the data sets."""
    holdout: Holdout | None = None
    """A share of train, such as 0.1, that is val instead, of each data set that has no val."""

    @model_validator(mode="after")
    def _looks(self) -> "ValidationOptions":
        if self.keep == "best" and self.every is None:
            raise ValueError("keep: best needs validations to choose from; set validation.every")
        return self

    @property
    def wanted(self) -> bool:
        """Whether a training looks at val."""
        return self.every is not None


class EvaluationOptions(Views):
    """How a trained model is evaluated. No part of a training: another evaluation trains nothing."""

    split: Literal["test", "val", "train"] = "test"
    """What is reported on."""
    knn: int | None = Field(None, ge=1, json_schema_extra=off(None))
    """So many nearest training samples vote on each sample as well, by the features that the head sees: how good these
    are without any training (20 as in DINO's evaluation)."""

    def counted(self) -> dict[str, Any]:
        """What can change a number: all but what is off, and how many samples are computed at a time."""
        return self.model_dump(mode="json", exclude={"batch_size"} | (set() if self.knn else {"knn"}))

    @model_validator(mode="after")
    def _others_vote(self) -> "EvaluationOptions":
        if self.knn is not None and self.split == "train":
            raise ValueError("knn: training samples vote, so it cannot be asked on split: train")
        return self

    @model_validator(mode="before")
    @classmethod
    def _moved(cls, value: Any) -> Any:
        moved = sorted({"every", "keep", "metric"} & value.keys()) if isinstance(value, dict) else []
        if moved:
            found = ", ".join(f"evaluation.{key} -> validation.{key}" for key in moved)
            raise ValueError(f"what a training selects by has moved ({found}); it looks at val, and needs one")
        return value


def per_dataset(value: Any) -> Any:
    """Let one setting stand for all data sets: `{lr: 1}` becomes `{default: {lr: 1}}`."""
    value = named(value)
    if isinstance(value, dict) and not (value and all(isinstance(v, dict | Section) for v in value.values())):
        return {"default": value}
    return value


PerOptimizer = Annotated[
    dict[str, OptimizerOptions],
    BeforeValidator(per_dataset, json_schema_input_type=str | OptimizerOptions | dict[str, OptimizerOptions]),
]
PerSchedule = Annotated[
    dict[str, ScheduleOptions],
    BeforeValidator(per_dataset, json_schema_input_type=str | ScheduleOptions | dict[str, ScheduleOptions]),
]
NamedWeighting = Annotated[LossWeighting, BeforeValidator(named, json_schema_input_type=str | LossWeighting)]
