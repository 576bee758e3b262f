"""What must hold between the keys of one experiment."""

from collections.abc import Iterator

from ivvit.config.experiment import Experiment
from ivvit.config.models import PolyViTOptions


def problems(experiment: Experiment) -> Iterator[tuple[str, str]]:
    """(key, what is wrong with it and what to do) for everything that cannot be right, or would do nothing."""
    model = experiment.model
    if isinstance(model, PolyViTOptions) and experiment.num_frames % model.tubelet_frames:
        text = f"must be a multiple of polyvit's tubelet_frames {model.tubelet_frames}, found {experiment.num_frames}"
        yield "num_frames", text
    sizes = {name: use.batch_size for name, use in experiment.datasets.items()}
    if any(size % experiment.accumulate for size in sizes.values()):
        yield "accumulate", f"{experiment.accumulate} does not divide all batch sizes {sizes}"
    if experiment.ema_warmup and experiment.ema is None:
        yield "ema_warmup", "does nothing without ema; give ema a decay, such as 0.9998"
    yield from _turns(experiment)
    if experiment.gradient_surgery != "none" and experiment.update_rule != "joint":
        yield "gradient_surgery", f"needs update_rule: joint, found {experiment.update_rule}"
    for name, recipe in experiment.recipe.items():
        size = sizes[name] // experiment.accumulate
        if (recipe.mixup or recipe.cutmix) and size % 2:
            yield f"recipe.{name}", f"mixes pairs, so batch_size / accumulate must be even, found {size}"
        if sizes[name] % recipe.repeats:
            yield f"recipe.{name}.repeats", f"{recipe.repeats} does not divide the batch size {sizes[name]}"


def _turns(experiment: Experiment) -> Iterator[tuple[str, str]]:
    if experiment.task_schedule != "weighted":
        for key, neutral in (("task_weights", "given"), ("task_temperature", 1.0)):
            if getattr(experiment, key) != neutral:
                yield key, f"does nothing with task_schedule: {experiment.task_schedule}; set weighted"
    for name, use in experiment.datasets.items():
        alone = experiment.update_rule == "joint" and experiment.task_schedule != "all"
        if use.lr_factor != 1 and not alone:
            yield (
                f"datasets.{name}.lr_factor",
                "needs update_rule: joint and a task_schedule with one data set an iteration; else give each data set "
                "its own optimizer, or a loss_weight",
            )
