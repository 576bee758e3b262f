"""A run's environment, none of which can change a number."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ivvit.numerics.world import World
from ivvit.runs.pace import Pace
from ivvit.runs.tracker import Tracker

OnEvaluation = Callable[[int, dict[str, Any]], bool]
"""Called with (iteration, {"datasets", "mean"}) after each validation; True ends the run."""


@dataclass(frozen=True)
class RunContext:
    """What a session is given from outside."""

    device: torch.device
    world: World
    pace: Pace
    tracker: Tracker
    sample_log: Path | None
    on_evaluation: OnEvaluation | None
