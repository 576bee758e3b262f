"""A longer run that goes on from a shorter one's end has the same bits as one from the beginning."""

from dataclasses import replace
from pathlib import Path

import pytest
from training_runs import job

from ivvit.config import canonical
from ivvit.runs.extension import extend, obstacle
from ivvit.runs.run import train

FILES = ("history.csv", "model.safetensors")
CONSTANT = {"name": "constant", "warmup": 2}
STEPS = {"name": "MultiStepLR", "milestones": [2, 5]}
SETTINGS = {
    "constant": {"lr_schedule": CONSTANT, "ema": 0.9},
    "steps": {"lr_schedule": STEPS, "validation": {"every": 2}, "loss_weighting": "uncertainty"},
    "best": {"lr_schedule": CONSTANT, "validation": {"every": 3, "keep": "best"}, "task_schedule": "uniform"},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_same_bits(name: str, data: Path, tmp_path: Path) -> None:
    settings = SETTINGS[name]
    whole = job(data, tmp_path / "whole", **settings, iterations=6)
    experiment = whole.experiment.model_copy(update={"iterations": 3})  # a configuration's must reach all milestones
    train(replace(whole, folder=tmp_path / "short", experiment=experiment))
    train(whole)
    longer = job(data, tmp_path / "longer", **settings, iterations=6)
    assert obstacle(canonical(longer.experiment), 3) is None
    assert extend(longer, tmp_path / "short") == 3
    train(longer)
    for file in FILES:
        assert (tmp_path / "longer" / file).read_bytes() == (tmp_path / "whole" / file).read_bytes(), file


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"lr_schedule": "cosine"}, "spans all iterations"),
        ({"lr_schedule": {"name": "MultiStepLR", "milestones": [0.5]}}, "fractions of all iterations"),
        ({"lr_schedule": CONSTANT, "validation": {"every": 2, "keep": "best"}}, "the best model may be"),
    ],
)
def test_where_it_is_not_exact_it_says_why(settings: dict, reason: str, data: Path, tmp_path: Path) -> None:
    assert reason in obstacle(canonical(job(data, tmp_path, **settings).experiment), 3)


def test_a_state_of_its_own_goes_first(data: Path, tmp_path: Path) -> None:
    settings = {"lr_schedule": "constant", "names": ["shades"]}
    train(job(data, tmp_path / "short", **settings, iterations=1))
    train(job(data, tmp_path / "done", **settings, iterations=2))
    assert extend(job(data, tmp_path / "done", **settings, iterations=2), tmp_path / "short") is None
