"""Learning rates agree with torch's schedulers; task schedules are pure functions of (seed, iteration)."""

from collections import Counter
from typing import Any

import pytest
import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, MultiStepLR

from ivvit.config import ScheduleOptions
from ivvit.config.resolve import Config
from ivvit.numerics.lr_schedule import lr_factor
from ivvit.numerics.task_schedule import TaskSchedule

TORCH = {
    "MultiStepLR": ({"milestones": (3, 7), "gamma": 0.2}, lambda o: MultiStepLR(o, [3, 7], 0.2)),
    "cosine": ({"period": 6}, lambda o: CosineAnnealingLR(o, 6)),
}


@pytest.mark.parametrize("name", TORCH)
def test_factors_agree_with_torch(name):
    settings, make = TORCH[name]
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = make(optimizer)
    for iteration in range(12):
        factor = lr_factor(ScheduleOptions(name=name, **settings), iteration, 100)
        assert factor == pytest.approx(optimizer.param_groups[0]["lr"], abs=1e-9)
        optimizer.step()
        scheduler.step()


def test_the_lowest_rate_agrees_with_timm() -> None:
    """DeiT's recipe: a peak of 5e-4 down to 1e-5, warm-up before the cosine begins."""
    import ivvit.numerics.compat  # noqa: F401  (before timm)

    # isort: split
    from timm.scheduler import CosineLRScheduler

    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=5e-4)
    theirs = CosineLRScheduler(optimizer, 30, lr_min=1e-5, warmup_t=5, warmup_prefix=True)
    options = ScheduleOptions(name="cosine", warmup=5, min_factor=1e-5 / 5e-4)
    for iteration in range(5, 36):
        theirs.step(iteration)
        assert 5e-4 * lr_factor(options, iteration, 35) == pytest.approx(optimizer.param_groups[0]["lr"], rel=1e-6)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(1e-5), "and there it ends"


def test_milestones_may_be_fractions():
    options = ScheduleOptions(name="MultiStepLR", milestones=(0.5, 0.75), gamma=0.1)
    factors = [lr_factor(options, i, 100) for i in (49, 50, 74, 75)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])


def test_warm_up_is_linear_and_the_cosine_follows_it():
    options = ScheduleOptions(name="cosine", warmup=4)
    factors = [lr_factor(options, i, 12) for i in range(12)]
    assert factors[:5] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert factors[8] == pytest.approx(0.5)
    assert sorted(factors[4:], reverse=True) == factors[4:] and factors[-1] > 0
    assert lr_factor(options, 12, 12) == pytest.approx(0)


def schedule(name: str, iterations: int = 4000, seed: int = 0, **settings: Any) -> TaskSchedule:
    datasets = {"CIFAR100": {"batch_size": 1, "task_weight": 1}, "UCF101": {"batch_size": 1, "task_weight": 3}}
    fields = {"datasets": datasets, "iterations": iterations, "task_schedule": name, **settings}
    experiment = Config({"experiments": {"e": fields}}, "test").experiment("e")
    return TaskSchedule(experiment, seed, {"CIFAR100": 50_000, "UCF101": 800})


def test_all_and_alternating():
    assert schedule("all").at(7) == ["CIFAR100", "UCF101"]
    assert [schedule("alternating").at(i) for i in range(3)] == [["CIFAR100"], ["UCF101"], ["CIFAR100"]]


def turns(tasks: TaskSchedule, iterations: int) -> Counter[str]:
    return Counter(tasks.at(i)[0] for i in range(iterations))


def test_a_uniform_schedule_depends_on_seed_and_iteration_only():
    one, shorter, other = schedule("uniform"), schedule("uniform", iterations=100), schedule("uniform", seed=1)
    order = [one.at(i) for i in range(100)]
    assert order == [shorter.at(i) for i in range(100)]
    assert order != [other.at(i) for i in range(100)]
    assert turns(one, 4000)["UCF101"] == pytest.approx(2000, abs=120)


@pytest.mark.parametrize(
    ("settings", "exact"),
    [
        ({}, 3000),
        ({"task_temperature": 2.0}, 4000 * 3**0.5 / (1 + 3**0.5)),
        ({"task_weights": "samples"}, 4000 * 800 / 50_800),
        ({"task_weights": "samples", "task_temperature": 2.0}, 4000 * 800**0.5 / (800**0.5 + 50_000**0.5)),
    ],
)
def test_a_weighted_schedule_has_exact_counts_in_an_order_of_the_seed(settings, exact):
    one, other = schedule("weighted", **settings), schedule("weighted", seed=1, **settings)
    assert abs(turns(one, 4000)["UCF101"] - exact) < 1 and turns(one, 4000) == turns(other, 4000)
    assert [one.at(i) for i in range(4000)] != [other.at(i) for i in range(4000)]
    assert abs(turns(one, 1000)["UCF101"] - exact / 4) < 60  # well mixed: no run of one data set


def test_weighted_turns_sum_up_where_shares_are_no_whole_numbers():
    assert sum(turns(schedule("weighted", iterations=7), 7).values()) == 7


@pytest.mark.parametrize("name", ["all", "alternating", "uniform", "weighted"])
def test_steps_before_counts_the_batches(name):
    tasks, counts = schedule(name, iterations=50), Counter()
    for iteration in range(50):
        assert tasks.steps_before(iteration) == {n: counts[n] for n in ("CIFAR100", "UCF101")}
        counts.update(tasks.at(iteration))
    assert tasks.steps_before(50) == dict(counts)
