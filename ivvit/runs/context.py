"""What a run is in touch with, none of which can change a number."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ivvit.numerics.world import World
from ivvit.runs.pace import Pace
from ivvit.runs.tracker import Tracker

OnEvaluation = Callable[[int, dict[str, Any]], bool]
"""Hears (iteration, {"datasets", "mean"}) of each validation; True ends the run."""


@dataclass(frozen=True)
class RunContext:
    """Given to a session from outside."""

    device: torch.device
    world: World
    pace: Pace
    tracker: Tracker
    sample_log: Path | None
    on_evaluation: OnEvaluation | None
