"""Search spaces and the proposals made from them."""

from pathlib import Path
from typing import Any

import optuna
import pytest
from study_runs import make_job
from study_runs import study as make_study

from ivvit.config import StudyOptions
from ivvit.ground.errors import UserError
from ivvit.study.job import StudyJob
from ivvit.study.proposals import propose
from ivvit.study.records import quiet_optuna
from ivvit.study.space import grid
from ivvit.study.worker import work


def options(space: dict[str, Any], **others: Any) -> StudyOptions:
    return StudyOptions.model_validate({"base": "a", "n_trials": 1, "space": space, **others})


def propose_many(job: StudyJob, count: int) -> list[dict[str, Any]]:
    """The parameters of the first trials, each finished with a value that depends on its learning rate."""
    trials: list[optuna.trial.FrozenTrial] = []
    with quiet_optuna():
        for _ in range(count):
            trial = propose(job, trials)
            values = [-abs(trial.params["optimizer.lr"] - 0.01)]
            trials.append(
                optuna.trial.create_trial(
                    values=values,
                    params=trial.params,
                    distributions=trial.distributions,
                    system_attrs=trial.system_attrs,
                )
            )
    return [trial.params for trial in trials]


@pytest.mark.parametrize("sampler", ["TPE", "GP", "CMA-ES", "random", "grid"])
def test_proposals_are_a_function_of_seed_number_and_history(tmp_path: Path, sampler: str) -> None:
    space = {"optimizer.lr": {"low": 1e-4, "high": 1e-1, "log": True}, "warmup": {"low": 0, "high": 12, "step": 4}}
    setting = {"name": sampler, "startup_trials": 5}
    job, other = (make_study(tmp_path / "0", space=space, sampler=setting, seed=seed) for seed in (0, 1))
    proposals = propose_many(job, 7)
    assert propose_many(job, 7) == proposals
    assert propose_many(job, 5) == proposals[:5], "more trials must not change the first"
    assert propose_many(other, 7) != proposals
    assert len({tuple(sorted(p.items())) for p in proposals}) == 7
    for parameters in proposals:
        assert 1e-4 <= parameters["optimizer.lr"] <= 1e-1 and parameters["warmup"] in (0, 4, 8, 12)


def test_samplers_learn(tmp_path: Path) -> None:
    space = {"optimizer.lr": {"low": 1e-6, "high": 1.0, "log": True}, "x": {"low": 0.0, "high": 1.0}}
    for sampler in ("TPE", "CMA-ES"):
        job = make_study(tmp_path / "0", space=space, sampler={"name": sampler, "startup_trials": 5})
        errors = [abs(p["optimizer.lr"] - 0.01) for p in propose_many(job, 25)]
        assert min(errors[10:]) < min(errors[:5]), sampler


def test_order_of_keys_does_not_matter(tmp_path: Path) -> None:
    space = {"optimizer.name": ["SGD", "Adam"], "optimizer.lr": {"low": 1e-4, "high": 1e-1},
             "a": {"low": 0, "high": 9, "when": {"optimizer.name": ["SGD"]}}}  # fmt: skip
    backwards = dict(reversed(space.items()))
    assert propose_many(make_study(tmp_path / "0", space=space), 4) == propose_many(
        make_study(tmp_path / "0", space=backwards), 4
    )


def test_conditions(tmp_path: Path) -> None:
    space = {"optimizer.lr": {"low": 1e-4, "high": 1e-1}, "a": ["x", "y"],
             "b": {"choices": [1, 2], "when": {"a": "x"}}, "c": {"low": 0, "high": 9, "when": {"b": [2]}}}  # fmt: skip
    found = propose_many(make_study(tmp_path / "0", space=space), 30)
    assert {"b" in p for p in found if p["a"] == "x"} == {True}
    assert {"b" in p or "c" in p for p in found if p["a"] == "y"} == {False}
    assert {"c" in p for p in found if p.get("b") == 2} == {True}
    assert {"c" in p for p in found if p.get("b") == 1} == {False}


def test_running_trials_are_kept_away_from(tmp_path: Path) -> None:
    """Four workers that ask one after the other, with nothing finished in between, get four different trials."""
    job = make_study(tmp_path / "0", sampler={"name": "TPE", "startup_trials": 2})
    trials: list[optuna.trial.FrozenTrial] = []
    with quiet_optuna():
        for _ in range(4):
            trials.append(propose(job, trials))
    assert len({trial.params["optimizer.lr"] for trial in trials}) == 4
    assert all(trial.state.name == "RUNNING" for trial in trials)


def test_grid() -> None:
    space = options(
        {"a": {"low": 1e-3, "high": 1e-1, "log": True}, "b": {"low": 0.0, "high": 1.0, "step": 0.5}, "c": ["x", "y"],
         "d": {"low": 1, "high": 2, "when": {"c": "y"}}}
    ).space  # fmt: skip
    points = grid(space, points=3, seed=0)
    assert len(points) == 3 * 3 * (1 + 2)
    assert {round(p["a"], 12) for p in points} == {0.001, 0.01, 0.1}
    assert {p["b"] for p in points} == {0.0, 0.5, 1.0}
    assert {("d" in p) for p in points if p["c"] == "x"} == {False}
    assert points != grid(space, points=3, seed=1)
    assert sorted(map(str, points)) == sorted(map(str, grid(space, points=3, seed=1)))
    wide = options({"a": {"low": 1, "high": 1000, "log": True}}).space
    assert sorted(p["a"] for p in grid(wide, points=4, seed=0)) == [1, 10, 100, 1000]


def test_grid_too_small(tmp_path: Path) -> None:
    opts = options({"optimizer.lr": [1e-3, 1e-2]}, n_trials=2, sampler="grid").model_copy(update={"n_trials": 3})
    job = StudyJob("test", opts, tmp_path / "0", make_job)
    with pytest.raises(UserError, match=r"grid has 2 points, n_trials is 3; set n_trials: 2"):
        work(job)


@pytest.mark.parametrize(
    ("space", "others", "message"),
    [
        ({"a": {"choices": [1], "when": {"b": 1}}, "b": {"choices": [1], "when": {"a": 1}}}, {}, "a, b are circular"),
        ({"a": {"choices": [1], "when": {"b": 2}}, "b": [1]}, {}, "is not a choice"),
        ({"a": [1, 2]}, {"objective": [{}, {"metric": "loss"}], "pick": 0, "sampler": "CMA-ES"}, "one objective"),
    ],
)
def test_spaces_that_cannot_be(space: dict, others: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        options(space, **others)
