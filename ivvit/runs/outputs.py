"""experiment.yaml of a run."""

from pathlib import Path

import yaml

from ivvit.config.experiment import Experiment
from ivvit.ground.files import write_text


def write_experiment(folder: Path, experiment: Experiment, seed: int) -> None:
    """The resolved experiment."""
    content = {"seed": seed, **experiment.model_dump(mode="json")}
    write_text(folder / "experiment.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
