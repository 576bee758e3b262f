"""Learning rates in closed form: the factor is a function of the iteration alone, so there is nothing to save."""

import math
from typing import TYPE_CHECKING

from torch.optim import Optimizer

if TYPE_CHECKING:
    from ivvit.config.optimisation import ScheduleOptions


def lr_factor(options: "ScheduleOptions", iteration: int, iterations: int) -> float:
    """The factor on the peak learning rate in iteration 0, 1, ...

    MultiStepLR and cosine agree with torch's schedulers of these names, stepped once an iteration. Linear warm-up goes
    through 1/warmup, 2/warmup, ... 1; the cosine begins after it, milestones count from the start of training.
    """
    warm = min(1.0, (iteration + 1) / options.warmup) if options.warmup else 1.0
    match options.name:
        case "MultiStepLR":
            return warm * options.gamma ** sum(m <= iteration for m in _milestones(options, iterations))
        case "cosine":
            period = options.period or max(1, iterations - options.warmup)
            share = (1 + math.cos(math.pi * max(0, iteration - options.warmup) / period)) / 2
            return warm * (options.min_factor + (1 - options.min_factor) * share)
        case _:
            return warm


def set_lr(optimizer: Optimizer, factor: float) -> None:
    """Scale every group's peak rate (`peak_lr`)."""
    for group in optimizer.param_groups:
        group["lr"] = group["peak_lr"] * factor


def _milestones(options: "ScheduleOptions", iterations: int) -> list[int]:
    return [round(m * iterations) if m < 1 else int(m) for m in options.milestones]
