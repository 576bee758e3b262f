"""What a training run is to do, and its result."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ivvit.config.experiment import Experiment
from ivvit.config.runtime import RuntimeOptions
from ivvit.ground.errors import STOPPED, UserError


@dataclass(frozen=True)
class TrainJob:
    """One experiment with one seed, in one folder."""

    experiment: Experiment
    seed: int
    folder: Path
    """Where results and state go; a run that was killed there is continued."""
    root: Path
    """The configuration's root_path."""
    manifests: dict[str, Path]
    """The manifest lock of each data set."""
    weights: Path | None = None
    """Initial weights: a weights lock (.json) or a file of tensors (another run's model.safetensors)."""
    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    provenance: dict[str, Any] = field(default_factory=dict)
    """Passed through into provenance.json (the identity and its parts)."""
    name: str = "run"
    """For messages and trackers."""
    selects: bool = False
    """Validate the model at the end even if the experiment does not ask for it (a study's trial)."""

    @property
    def validates(self) -> bool:
        """Whether the run uses val."""
        return self.selects or self.experiment.validation.wanted


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    folder: Path
    metrics: dict[str, Any] | None
    """{"datasets", "mean"} of the validation that the model was kept by, of a pruned run of its last; None where
    nothing was validated."""
    pruned: bool = False


class Interrupted(UserError):
    """The run was asked to stop (signal or time limit), has saved its state, and resumes when started again."""

    exit_code = STOPPED
