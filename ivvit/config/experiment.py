"""An experiment: everything that its numbers depend on, apart from data and weights themselves."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ivvit.config.base import Section, off
from ivvit.config.datasets import DatasetOptions
from ivvit.config.models import BackboneOptions, IVViTOptions, ModelField
from ivvit.config.optimisation import (
    EvaluationOptions,
    LossWeighting,
    NamedWeighting,
    OptimizerOptions,
    PerOptimizer,
    PerSchedule,
    ScheduleOptions,
    ValidationOptions,
)
from ivvit.config.pixels import PIXELS, Interpolation, NormalizeField, PixelOptions
from ivvit.config.recipe import PerRecipe, RecipeOptions
from ivvit.config.runtime import RuntimeOverrides

NAME = r"^[A-Za-z0-9][A-Za-z0-9._=+-]{0,99}$"
NAME_RULE = "names become folders: letters, digits and . _ = + -, a letter or digit first, at most 100"
Name = Annotated[str, Field(pattern=NAME)]
"""Names become folders, so they are letters, digits and . _ = + -, at most 100."""

Seed = Annotated[int, Field(ge=0, lt=2**63)]
"""What torch.manual_seed takes."""


class DatasetUse(Section):
    """What an experiment takes from one data set."""

    batch_size: int = Field(ge=1, le=1_000_000)
    """Samples per iteration, over all GPUs."""
    loss_weight: float = Field(1.0, gt=0)
    """loss_weighting: fixed."""
    task_weight: float = Field(1.0, gt=0)
    """task_schedule: weighted."""
    lr_factor: float = Field(1.0, gt=0, json_schema_extra=off(1.0))
    """update_rule: joint with one data set an iteration (alternating, uniform, weighted): factor on the learning rate
    of this data set's iterations; the optimiser and its state stay one (PolyViT, section 3.2)."""


def _batch_size(value: Any) -> Any:
    return {"batch_size": value} if isinstance(value, int) and not isinstance(value, bool) else value


DatasetUses = dict[Name, Annotated[DatasetUse, BeforeValidator(_batch_size, json_schema_input_type=int | DatasetUse)]]


class ExperimentFields(Section):
    """What `defaults:`, `experiments:` and grids may set."""

    model: ModelField = IVViTOptions()
    """IV-ViT, TokenShift, MSCA, polyvit, AIM or ST-Adapter; with options as {name: MSCA, shift: qk}."""
    backbone: BackboneOptions = BackboneOptions()
    """A VisionTransformer or Eva of timm; with keywords as {name: ..., img_size: 32, depth: 4}."""
    num_frames: int = Field(16, ge=1, le=10_000)
    """Frames per clip."""
    pretrain: str = "none"
    """Kinetics400, ImageNet-21k, ImageNet-1k, polyvit, none; a name under `weights:`; timm:<tag>, file:<path>,
    experiment:<name>."""
    normalize: NormalizeField = Field("weights", json_schema_extra=off(PIXELS["paper"].model_dump(mode="json")))
    """How pixels are normalised: `weights` (as those were trained: timm's own for timm's tags, paper where nothing is
    known), paper (0.45 and 0.225), imagenet, inception (0.5), clip, or {mean, std}."""
    interpolation: Literal["weights"] | Interpolation = Field("weights", json_schema_extra=off("bilinear"))
    """How images and frames are resized; `weights` as with `normalize`."""
    datasets: DatasetUses = {}
    """The data sets trained on, each with its batch size."""
    iterations: int = Field(14_000, ge=1, le=1_000_000_000)
    """In each, the task schedule's data sets give one batch."""
    optimizer: PerOptimizer = {"default": OptimizerOptions()}
    """One setting, or one per data set (and `default`)."""
    lr_schedule: PerSchedule = {"default": ScheduleOptions()}
    """One setting, or one per data set (and `default`)."""
    task_schedule: Literal["all", "alternating", "uniform", "weighted"] = "all"
    """Which data sets give a batch in an iteration. weighted: each as often as its weight says, to one turn, in an
    order that the seed shuffles over all iterations."""
    task_weights: Literal["given", "samples"] = Field("given", json_schema_extra=off("given"))
    """weighted: by `task_weight` of the data sets, or by their numbers of training samples."""
    task_temperature: float = Field(1.0, gt=0, json_schema_extra=off(1.0))
    """weighted: weights are raised to 1 / this; 2 takes their square roots."""
    update_rule: Literal["cumulative", "sequential", "joint"] = "cumulative"
    """cumulative: what the authors' code does; sequential: gradients cleared before each data set; joint: one step on
    the sum."""
    loss_weighting: NamedWeighting = LossWeighting()
    precision: Literal["fp32", "bf16", "fp16"] = "bf16"
    """Of the forward pass: bf16 and fp16 by autocast, fp16 with a gradient scaler; weights are fp32."""
    grad_clip: float | None = Field(None, gt=0)
    """Largest gradient norm."""
    accumulate: int = Field(1, ge=1)
    """Parts that a batch is split into, their gradients summed before the step."""
    ema: float | None = Field(None, gt=0, lt=1)
    """Decay of an exponential moving average of the weights, which is then the result."""
    ema_warmup: bool = Field(False, json_schema_extra=off(False))
    """Begin with a smaller decay: min(ema, (1 + t) / (10 + t)) in iteration t. Without, 0.9998 keeps 95% of the initial
    weights after 250 iterations."""
    layer_decay: float | None = Field(None, gt=0, le=1)
    """Factor on the learning rate per layer, from the heads to the embedding, in timm's groups."""
    freeze: Annotated[int, Field(ge=0)] | Literal["all"] = 0
    """Blocks (and the embedding) that are not trained, from the first; with the last block, the final norm. `all`
    leaves heads and adapters."""
    max_skipped: int = Field(0, ge=0)
    """Steps with a non-finite loss that may be skipped before training stops."""
    gradient_surgery: Literal["none", "pcgrad"] = Field("none", json_schema_extra=off("none"))
    """update_rule: joint. pcgrad: where two data sets' gradients conflict, each is projected onto the normal plane of
    the other before they are summed (arXiv 2001.06782)."""
    recipe: PerRecipe = Field({"default": RecipeOptions()}, json_schema_extra=off({}))
    """Mixing, label smoothing and further augmentation: one setting, or one per data set (and `default`)."""
    validation: ValidationOptions = ValidationOptions()
    evaluation: EvaluationOptions = EvaluationOptions()


class Defaults(ExperimentFields):
    """What every experiment starts from."""

    seeds: tuple[Seed, ...] = (0,)
    """One run per seed."""


class ExperimentEntry(Defaults):
    """One entry of `experiments:`."""

    extends: str | None = None
    """Another experiment to start from."""
    from_study: str | None = None
    """A study whose best parameters are taken."""
    runtime: RuntimeOverrides = RuntimeOverrides()
    """Differences from the global `runtime:`; never part of the result."""


class Experiment(ExperimentFields):
    """A resolved experiment: defaults filled in, per-data-set settings spelled out, data sets in their order.

    `normalize` and `interpolation` may still say `weights`: what that means, the weights' lock tells.
    """

    data: dict[str, DatasetOptions]
    """The options of each data set that is trained on."""

    def seeing(self, normalize: PixelOptions, interpolation: Interpolation) -> "Experiment":
        """The experiment with the weights' own pixels where it says `weights`."""
        return self.model_copy(update={
            "normalize": normalize if self.normalize == "weights" else self.normalize,
            "interpolation": interpolation if self.interpolation == "weights" else self.interpolation,
        })  # fmt: skip
