"""Learning rates agree with torch's schedulers; task schedules are pure functions of (seed, iteration)."""

from collections import Counter

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


def test_milestones_may_be_fractions():
    options = ScheduleOptions(name="MultiStepLR", milestones=(0.5, 75), gamma=0.1)
    factors = [lr_factor(options, i, 100) for i in (49, 50, 74, 75)]
    assert factors == pytest.approx([1, 0.1, 0.1, 0.01])


def test_warm_up_is_linear_and_the_cosine_follows_it():
    options = ScheduleOptions(name="cosine", warmup=4)
    factors = [lr_factor(options, i, 12) for i in range(12)]
    assert factors[:5] == pytest.approx([0.25, 0.5, 0.75, 1, 1])
    assert factors[8] == pytest.approx(0.5)
    assert sorted(factors[4:], reverse=True) == factors[4:] and factors[-1] > 0
    assert lr_factor(options, 12, 12) == pytest.approx(0)


def schedule(name: str, iterations: int = 4000, seed: int = 0) -> TaskSchedule:
    datasets = {"CIFAR100": {"batch_size": 1, "task_weight": 1}, "UCF101": {"batch_size": 1, "task_weight": 3}}
    fields = {"datasets": datasets, "iterations": iterations, "task_schedule": name}
    return TaskSchedule(Config({"experiments": {"e": fields}}, "test").experiment("e"), seed)


def test_all_and_alternating():
    assert schedule("all").at(7) == ["CIFAR100", "UCF101"]
    assert [schedule("alternating").at(i) for i in range(3)] == [["CIFAR100"], ["UCF101"], ["CIFAR100"]]


@pytest.mark.parametrize(("name", "share"), [("uniform", 0.5), ("weighted", 0.75)])
def test_drawn_schedules_have_the_right_shares(name, share):
    tasks = schedule(name)
    counts = Counter(tasks.at(i)[0] for i in range(4000))
    assert counts["UCF101"] / 4000 == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize("name", ["uniform", "weighted"])
def test_drawn_schedules_depend_on_seed_and_iteration_only(name):
    one, shorter, other = schedule(name), schedule(name, iterations=100), schedule(name, seed=1)
    order = [one.at(i) for i in range(100)]
    assert order == [shorter.at(i) for i in range(100)]
    assert order != [other.at(i) for i in range(100)]


@pytest.mark.parametrize("name", ["all", "alternating", "uniform", "weighted"])
def test_steps_before_counts_the_batches(name):
    tasks, counts = schedule(name, iterations=50), Counter()
    for iteration in range(50):
        assert tasks.steps_before(iteration) == {n: counts[n] for n in ("CIFAR100", "UCF101")}
        counts.update(tasks.at(iteration))
    assert tasks.steps_before(50) == dict(counts)
