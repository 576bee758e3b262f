"""What a study's workers are to do."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ivvit.config import StudyOptions

if TYPE_CHECKING:
    from ivvit.runs.job import Result, TrainJob

MakeJob = Callable[[dict[str, Any], int, Path], "TrainJob"]
"""make_job(parameters by dotted key, trial number, the trial's folder) -> the training run of a trial."""

Train = Callable[["TrainJob", Callable[[int, dict[str, Any]], bool]], "Result"]
"""ivvit.runs.run.train, or what a test puts in its place."""


@dataclass(frozen=True)
class StudyJob:
    """A study in its folder, `results/studies/<name>/<identity>/`."""

    name: str
    options: StudyOptions
    folder: Path
    """Holds the journal, the trials and their claims, and what `finish` writes; its name is the study's identity."""
    make_job: MakeJob

    @property
    def directions(self) -> list[Literal["minimize", "maximize"]]:
        """Optuna's directions of the objectives."""
        return [objective.direction for objective in self.options.objective]

    @property
    def title(self) -> str:
        """The study's name in its storage, which may hold other studies too."""
        return f"{self.name}-{self.folder.name}"

    def trial_folder(self, number: int) -> Path:
        """Where a trial is trained."""
        return self.folder / "trials" / str(number)
