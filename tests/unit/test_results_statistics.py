"""Intervals and tests: by hand where a hand can, by their promises (coverage, false alarms) where not."""

from math import isnan
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import binom, permutation_test, t

from ivvit.results.estimates import Difference, holm
from ivvit.results.predictions import Predictions
from ivvit.results.runs import DatasetResult, Run, RunRef
from ivvit.results.statistics import ALL, Statistics, best


def made_run(name: str, seed: int, hits: dict[str, list[int] | np.ndarray], groups: list[int] | None = None) -> Run:
    """A run that got these samples right (1) or wrong (0); three classes."""
    found, results = {}, {}
    for dataset, right in hits.items():
        right = np.asarray(right, bool)
        labels = np.zeros(len(right), np.int32)
        paths = pa.array([str(index) for index in range(len(right))])
        codes = None if groups is None else np.asarray(groups, np.int32)
        predicted = np.where(right, 0, 1).astype(np.int32)
        found[dataset] = Predictions(paths, codes, labels, predicted, np.ones(len(right), bool), b"%d" % len(right))
        results[dataset] = DatasetResult("test", len(right), float(right.mean()), 1.0)
    run = Run(RunRef(name, seed, Path(name), Path(name)), results, {}, {}, {})
    run.__dict__["predictions"] = found
    return run


def test_mcnemar_for_a_single_seed_by_hand() -> None:
    first = [1] * 9 + [0] * 1 + [1] * 30 + [0] * 10
    second = [0] * 9 + [1] * 1 + [1] * 30 + [0] * 10
    found = Statistics([made_run("a", 0, {"X": first}), made_run("b", 0, {"X": second})]).difference("a", "b", "X")
    assert found.value == pytest.approx(8 / 50) and found.samples == 50 and found.seeds == 1
    assert found.p == pytest.approx(2 * binom.cdf(1, 10, 0.5)) and found.test == "McNemar, exact"
    assert found.low < found.value < found.high


def test_samples_that_belong_together_are_no_independent_evidence() -> None:
    first, second, groups = [1] * 20 + [0] * 20, [0] * 20 + [0] * 20, [index // 10 for index in range(40)]
    runs = [made_run("a", 0, {"X": first}, groups), made_run("b", 0, {"X": second}, groups)]
    alone = [made_run("a", 0, {"X": first}), made_run("b", 0, {"X": second})]
    assert Statistics(alone).difference("a", "b", "X").p < 1e-5
    assert Statistics(runs).difference("a", "b", "X").p == pytest.approx(0.5, abs=0.02), "two groups, both the same way"
    assert Statistics(runs).mean("a", "X").high - Statistics(runs).mean("a", "X").low > 0.5


@pytest.mark.parametrize("size", [12, 30])
def test_signs_of_groups_as_scipy_flips_them(size: int) -> None:
    """All signs of few groups; of many, random ones, which are known to 3 standard errors."""
    rng = np.random.default_rng(size)
    groups, level = np.repeat(np.arange(size), 5), rng.random(size)
    first, second = (rng.random(5 * size) < np.repeat(level, 5) + more for more in (0.15, 0.0))
    runs = [made_run(name, 0, {"X": hits}, list(groups)) for name, hits in (("a", first), ("b", second))]
    found = Statistics(runs).difference("a", "b", "X")
    by_group = np.bincount(groups, first.astype(int) - second)
    exact = permutation_test(
        (by_group[by_group != 0],), lambda x, axis: x.sum(axis), permutation_type="samples", n_resamples=100_000, rng=0
    ).pvalue
    tolerance = 1e-12 if size == 12 else 3 * (exact * (1 - exact) / 9_999) ** 0.5 + 0.002
    assert found.test == "sign flips of groups" and 0.001 < exact < 0.9
    assert found.p == pytest.approx(exact, abs=tolerance)


def test_what_nothing_varies_in_is_undefined() -> None:
    """Two equal differences gave p = 0.0."""
    runs = [made_run(name, seed, {"X": [value] * 10}) for name, value in (("a", 1), ("b", 0)) for seed in (0, 1)]
    found = holm([Statistics(runs).difference("a", "b", "X"), Difference(p=0.01)])
    assert isnan(found[0].p) and isnan(found[0].adjusted) and not found[0].significant
    assert found[1].adjusted == 0.01, "an undefined one does not count"


def test_no_interval_is_without_width() -> None:
    """Nothing differs in any draw; by hand: two samples more, one at each end, and Student's t."""
    right, wrong, quantile = [1] * 48, [0] * 48, t.ppf(0.975, 47)
    runs = [made_run(name, seed, {"X": right, "Y": right}) for name in "ab" for seed in (0, 1)]
    found = Statistics([*runs, *(made_run("c", seed, {"X": wrong, "Y": right}) for seed in (0, 1))])
    error = (50 / 49 * 2) ** 0.5 / 50
    equal = found.difference("a", "b", "X")
    assert (equal.low, equal.high) == pytest.approx((-quantile * error, quantile * error)) and isnan(equal.p)
    mean = found.difference("a", "b", ALL)
    assert mean.high == pytest.approx(quantile * error / 2**0.5), "of two independent data sets"
    other = found.difference("a", "c", "X")
    shrunk, error = 48 / 50, (50 / 49 * (48 * (2 / 50) ** 2 + (2 / 50) ** 2 + (98 / 50) ** 2)) ** 0.5 / 50
    assert other.high == 1.0 and isnan(other.p)
    assert other.low == pytest.approx(1 - quantile * (error + (1 - shrunk) / 1.959964), abs=1e-6)
    size = 48 * 49 / 50
    each = 1 - size / (size + 1.959964**2)
    assert found.mean("a", "X").low == pytest.approx(1 - quantile / 1.959964 * each)
    assert found.mean("a", ALL).low == pytest.approx(1 - quantile / 1.959964 * each / 2**0.5)
    assert found.mean("a", ALL).high == 1.0 and found.mean("c", "X").low == 0.0 < found.mean("c", "X").high


def test_all_groups_right_with_one_seed() -> None:
    groups = [index // 4 for index in range(56)]
    runs = [made_run(name, 0, {"X": [1] * 56, "Y": [1] * 56}, groups) for name in "ab"]
    found = Statistics(runs)
    for column in ("X", ALL):
        assert found.mean("a", column).low < 0.9, column
        equal = found.difference("a", "b", column)
        assert -0.5 < equal.low < -0.08 and equal.high == -equal.low and not equal.p < 1, column


def test_few_groups_near_the_end_are_covered() -> None:
    """Means over two data sets, and differences, of seeds that are alike, averaged over truths: at a single one the
    few values that a share can have make coverage jump."""
    rng, means, differences = np.random.default_rng(2), 0, 0
    for _ in range(40):
        truth = rng.uniform(0.9, 1.0)
        runs, groups = [], [index // 4 for index in range(80)]
        for name in "ab":
            hits = {data: np.repeat(rng.random(20) < truth, 4) for data in ("X", "Y")}
            runs += [made_run(name, seed, hits, groups) for seed in (0, 1)]
        mean, difference = Statistics(runs).mean("a", ALL), Statistics(runs).difference("a", "b", "X")
        means += mean.low <= truth <= mean.high
        differences += difference.low <= 0 <= difference.high
    assert means >= 36 and differences >= 36


def test_holm_by_hand() -> None:
    found = holm([Difference(p=p) for p in (0.01, 0.04, 0.03, 0.005)])
    assert [round(each.adjusted, 6) for each in found] == [0.03, 0.06, 0.06, 0.02]


def simulated(rng: np.random.Generator, seeds: int, effect: float, seed_noise: float, samples: int = 400) -> list[Run]:
    difficulty = rng.normal(size=samples)
    runs = []
    for name, strength in (("a", effect), ("b", 0.0)):
        for seed in range(seeds):
            own = difficulty + 0.5 * rng.normal(size=samples)
            runs.append(made_run(name, seed, {"X": own < strength + seed_noise * rng.normal()}))
    return runs


@pytest.mark.parametrize(("seeds", "seed_noise"), [(3, 0.3), (3, 0.0), (5, 0.1), (1, 0.0)])
def test_false_alarms_are_as_rare_as_promised(seeds: int, seed_noise: float) -> None:
    """Without a difference 5% may be found, however much seeds differ: a test over samples alone finds most."""
    rng = np.random.default_rng(7)
    found = [Statistics(simulated(rng, seeds, 0.0, seed_noise)).difference("a", "b", "X") for _ in range(100)]
    assert np.mean([each.p < 0.05 for each in found]) < 0.11  # 5% + 2.7 standard errors
    assert np.mean([each.low <= 0 <= each.high for each in found]) > 0.89


def test_a_real_difference_is_found() -> None:
    rng = np.random.default_rng(7)
    found = [Statistics(simulated(rng, 3, 0.3, 0.02)).difference("a", "b", "X").p < 0.05 for _ in range(25)]
    assert np.mean(found) > 0.9


def test_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(3)
    means = [Statistics(simulated(rng, 3, 0.0, 0.1)).mean("b", "X") for _ in range(100)]
    assert 0.89 < np.mean([mean.low <= 0.5 <= mean.high for mean in means]) <= 1.0


def test_only_common_samples_and_seeds_are_compared() -> None:
    runs = [
        made_run("a", 0, {"X": [1, 1, 0, 1]}),
        made_run("a", 1, {"X": [1, 1, 1, 1]}),
        made_run("b", 1, {"X": [0, 1]}),
    ]
    found = Statistics(runs).difference("a", "b", "X")
    assert (found.seeds, found.samples) == (1, 2) and found.value == pytest.approx(0.5)


def test_the_mean_is_for_those_that_have_every_data_set() -> None:
    runs = [made_run("a", 0, {"X": [1, 0, 0, 0], "Y": [1, 1, 1, 0]}), made_run("b", 0, {"X": [1, 1, 0, 0]})]
    statistics = Statistics(runs)
    assert statistics.mean("a", ALL).value == pytest.approx(0.5) and isnan(statistics.mean("b", ALL).value)
    assert isnan(statistics.difference("a", "b", ALL).value)


def test_best_and_all_that_are_not_worse() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(size=800)
    strengths = {"good": 1.0, "as good": 0.98, "bad": 0.0}
    runs = [made_run(name, seed, {"X": difficulty + 0.3 * rng.normal(size=800) < strength})
            for name, strength in strengths.items() for seed in range(3)]  # fmt: skip
    assert best(Statistics(runs), list(strengths), "X") == {"good", "as good"}


def test_equal_runs_give_equal_numbers() -> None:
    first, second = (Statistics(simulated(np.random.default_rng(5), 3, 0.1, 0.1)) for _ in range(2))
    assert first.difference("a", "b", "X") == second.difference("a", "b", "X")
