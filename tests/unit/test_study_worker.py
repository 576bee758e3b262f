"""Workers in one process: failures, growth, several objectives, and what a study's end writes."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pandas as pd
import pytest
import yaml
from study_runs import make_job, outcome, trainer, trials
from study_runs import study as make_study

from ivvit.ground.errors import UserError
from ivvit.numerics.finite import Diverged
from ivvit.runs.job import Interrupted, Result, TrainJob
from ivvit.study.finish import finish
from ivvit.study.job import StudyJob
from ivvit.study.records import Records
from ivvit.study.worker import ATTEMPTS, work


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., StudyJob]:
    """Makes a study in a folder of this test; the same folder each time."""
    return lambda **options: make_study(tmp_path / "0123", **options)


def failing(error: Exception, times: int, number: int = 1) -> tuple[Callable[..., Result], list[int]]:
    """A training in which a trial fails some times before it works; and the list of attempts, by trial."""
    attempts: list[int] = []

    def train(run: TrainJob, on_evaluation: Any) -> Result:
        attempts.append(int(run.name))
        if int(run.name) == number and attempts.count(number) <= times:
            raise error
        return trainer()(run, on_evaluation)

    return train, attempts


def test_a_failed_trial_is_tried_again(study: Callable[..., StudyJob]) -> None:
    job = study(n_trials=3)
    train, attempts = failing(RuntimeError("the network is down"), ATTEMPTS - 1)
    work(job, train=train)
    assert attempts == [0, 1, 1, 1, 2]
    found = trials(job)
    assert [trial["state"] for trial in found] == ["COMPLETE"] * 3
    assert found[1]["user"] == {"failures": 2, "failure": "RuntimeError: the network is down"}
    finish(job, job.folder / "best-3.yaml")
    assert list(pd.read_csv(job.folder / "trials.csv")["failures"]) == [0, 2, 0]
    assert "2 failed attempts" in (job.folder / "report-3.html").read_text()


def test_a_trial_that_keeps_failing_is_an_error_and_can_be_gone_on_with(study: Callable[..., StudyJob]) -> None:
    job = study(n_trials=3)
    train, attempts = failing(MemoryError("no memory"), 99)
    with pytest.raises(
        UserError, match=r"trial 1 .* failed 3 times, the last time with MemoryError: no memory; see .*trials/1"
    ):
        work(job, train=train)
    assert attempts == [0, 1, 1, 1]
    work(job, train=trainer())
    assert [trial["state"] for trial in trials(job)] == ["COMPLETE"] * 3


def test_what_the_user_can_mend_is_not_tried_again(study: Callable[..., StudyJob]) -> None:
    train, attempts = failing(UserError("the manifest of A is missing"), 99)
    with pytest.raises(UserError, match=r"trial 1 .*: the manifest of A is missing"):
        work(study(n_trials=3), train=train)
    assert attempts == [0, 1]


def test_a_stop_leaves_the_trial_to_go_on_with(study: Callable[..., StudyJob], tmp_path: Path) -> None:
    job, whole = study(n_trials=3), make_study(tmp_path / "whole" / "0123", n_trials=3)
    train, _ = failing(Interrupted("the time limit is near"), 99)
    with pytest.raises(Interrupted):
        work(job, train=train)
    assert [trial["state"] for trial in trials(job)] == ["COMPLETE", "RUNNING"]
    with pytest.raises(UserError, match="1 of 3 trials are finished"):
        finish(job, job.folder / "best-3.yaml")
    work(job, train=trainer())
    work(whole, train=trainer())
    assert outcome(job) == outcome(whole)


def test_parameters_that_do_not_train_are_an_answer(study: Callable[..., StudyJob]) -> None:
    def nan(run: TrainJob, on_evaluation: Any) -> Result:
        result = trainer()(run, on_evaluation)
        if run.name == "2":
            result.metrics["datasets"]["A"]["top1"] = float("nan")
        return result

    job = study(n_trials=2)
    train, attempts = failing(Diverged("the loss of A is not finite"), 99)
    work(job, train=train)
    work(study(n_trials=3), train=nan)
    assert attempts == [0, 1]
    job = study(n_trials=3)
    assert [trial["state"] for trial in trials(job)] == ["COMPLETE", "PRUNED", "PRUNED"]
    finish(job, job.folder / "best-3.yaml")
    table = pd.read_csv(job.folder / "trials.csv")
    assert list(table["state"]) == ["complete", "diverged", "diverged"]
    assert table["diverged"][1] == "the loss of A is not finite" and "nan" in table["diverged"][2]
    assert yaml.safe_load((job.folder / "best-3.yaml").read_text())["trial"] == 0


def test_nothing_was_trained_to_its_end(study: Callable[..., StudyJob]) -> None:
    job = study(n_trials=1)
    work(job, train=failing(Diverged("not finite"), 99, number=0)[0])
    with pytest.raises(UserError, match="none of its 1 trials was trained to the end"):
        finish(job, job.folder / "best-1.yaml")


def test_n_trials_is_in_all(study: Callable[..., StudyJob], tmp_path: Path) -> None:
    small, whole = study(n_trials=4), make_study(tmp_path / "whole" / "0123", n_trials=8)
    work(small, train=trainer())
    before = outcome(small)
    train, attempts = failing(RuntimeError(), 0)
    work(study(n_trials=8), train=train)
    assert attempts == [4, 5, 6, 7]
    work(whole, train=trainer())
    assert outcome(study(n_trials=8)) == outcome(whole), "8 at once, or 4 and then 4: the same"
    finish(small, small.folder / "best-4.yaml")
    assert (small.folder / "best-4.yaml").read_bytes() == before[: before.index(b",trial")], "the first 4 say the same"
    work(small, train=failing(RuntimeError(), 99)[0])  # nothing to do


def test_a_trial_that_somebody_failed_by_hand_is_done_again(study: Callable[..., StudyJob]) -> None:
    job = study(n_trials=3, sampler={"name": "grid", "grid_points": 2})
    with pytest.raises(Interrupted):
        work(job, train=failing(Interrupted("stop"), 99)[0])
    optuna.load_study(study_name=job.title, storage=Records(job)._storage).tell(1, state=optuna.trial.TrialState.FAIL)
    work(job, train=trainer())
    found = trials(job)
    assert [trial["state"] for trial in found] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert found[1]["params"] == found[2]["params"], "the point of the grid is not lost"
    finish(job, job.folder / "best-3.yaml")
    assert list(pd.read_csv(job.folder / "trials.csv")["trial"]) == [0, 2, 3]


def test_folder_of_a_lost_record_is_not_taken_for_a_result(study: Callable[..., StudyJob], tmp_path: Path) -> None:
    lost, fresh = study(n_trials=2), make_study(tmp_path / "fresh" / "0123", n_trials=2, seed=7)
    work(lost, train=trainer())
    (lost.folder / "journal.log").unlink()
    job = study(n_trials=2, seed=7)  # other parameters, in the same folders
    work(job, train=trainer())
    work(fresh, train=trainer())
    assert outcome(job) == outcome(fresh)


@pytest.mark.parametrize("pick", [0, 1])
def test_several_objectives(study: Callable[..., StudyJob], pick: int) -> None:
    def train(run: TrainJob, on_evaluation: Any) -> Result:
        x = run.provenance["parameters"]["optimizer.lr"]
        return Result(run.folder, {"datasets": {"A": {"top1": x, "loss": 2.0}, "B": {"top1": 2 * x, "loss": x**2}}})

    objective = [{"metric": "top1", "datasets": ["A", "B"]}, {"metric": "loss", "datasets": "B"}]
    job = study(n_trials=6, objective=objective, pick=pick)
    work(job, train=train)
    finish(job, job.folder / "best-6.yaml")
    best, table = yaml.safe_load((job.folder / "best-6.yaml").read_text()), pd.read_csv(job.folder / "trials.csv")
    assert best["trial"] == (table["A + B top1"].idxmax() if pick == 0 else table["B loss"].idxmin())
    assert best["values"] == pytest.approx(
        [1.5 * best["parameters"]["optimizer.lr"], best["parameters"]["optimizer.lr"] ** 2]
    )
    report = (job.folder / "report-6.html").read_text()
    assert "Pareto front" in report and "Importances for B loss" in report
    assert "From 6 trials that were trained to the end; from so few they are rough" in report
    assert '"exponentformat":"power"' in report and "10µ" not in report


def test_of_equal_trials_the_first_is_best(study: Callable[..., StudyJob]) -> None:
    job = study(n_trials=3)
    metrics = {"datasets": {"A": {"top1": 0.5, "top5": 0.5, "loss": 1.0}}}
    work(job, train=lambda run, on_evaluation: Result(run.folder, metrics))
    finish(job, job.folder / "best-3.yaml")
    assert yaml.safe_load((job.folder / "best-3.yaml").read_text())["trial"] == 0


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_pruned_trials_stop_at_once(study: Callable[..., StudyJob], pruner: str) -> None:
    job = study(n_trials=12, pruner={"name": pruner, "startup_trials": 2}, sampler="random")
    work(job, train=trainer())
    found = trials(job)
    pruned = [trial for trial in found if trial["state"] == "PRUNED"]
    assert pruned and len(pruned) < len(found)
    for trial in pruned:
        steps = (job.trial_folder(trial["number"]) / "steps.log").read_text().split()
        assert int(steps[-1]) == max(trial["steps"]) < 12
        assert trial["values"] == [trial["steps"][max(trial["steps"])]]


def test_the_end_writes_the_same_bytes_and_needs_no_network(study: Callable[..., StudyJob], tmp_path: Path) -> None:
    jobs = [study(n_trials=5), make_study(tmp_path / "again" / "0123", n_trials=5)]
    for job in jobs:
        work(job, train=trainer())
        finish(job, job.folder / "best-5.yaml")
    for name in ("best-5.yaml", "trials.csv", "report-5.html"):
        assert (jobs[0].folder / name).read_bytes() == (jobs[1].folder / name).read_bytes(), name
    page = (jobs[0].folder / "report-5.html").read_text()
    assert not re.search(r'<(script|link|img)[^>]+(src|href)="?http', page), "something is loaded from elsewhere"
    for figure in ("History", "Importances", "Slices", "Parallel-coordinates"):
        assert re.search(rf'Plotly\.newPlot\(\s*"{figure}', page), figure
    best = yaml.safe_load((jobs[0].folder / "best-5.yaml").read_text())
    assert best["parameters"] == trials(jobs[0])[best["trial"]]["params"], "read back to the last bit"


def test_storage_that_cannot_be_used(study: Callable[..., StudyJob], tmp_path: Path) -> None:
    for url in ("postgresql://me:secret@nowhere/db", f"sqlite:///{tmp_path}/no/folder/x.db"):
        with pytest.raises(UserError, match=r"storage .* cannot be used") as caught:
            work(study(n_trials=1, storage=url), train=trainer())
        assert "secret" not in str(caught.value)


def test_objective_over_a_data_set_not_trained(study: Callable[..., StudyJob]) -> None:
    with pytest.raises(UserError, match="do not train on Z"):
        work(study(n_trials=1, objective={"datasets": "Z"}), train=trainer())


def test_jobs_are_made_for_parameters_and_numbers(study: Callable[..., StudyJob]) -> None:
    made = []

    def remember(parameters: dict[str, Any], number: int, folder: Path) -> TrainJob:
        made.append((parameters, number, folder))
        return make_job(parameters, number, folder)

    job = study(n_trials=2)
    work(StudyJob(job.name, job.options, job.folder, remember), train=trainer())
    assert [(parameters, number) for parameters, number, _ in made] == [
        (trial["params"], trial["number"]) for trial in trials(job)
    ]
    assert [folder for _, _, folder in made] == [job.folder / "trials" / str(number) for number in range(2)]
