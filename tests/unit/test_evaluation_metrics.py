"""Numbers and their intervals from predictions, and the file that keeps these."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

import ivvit.numerics.compat  # noqa: F401
from ivvit.evaluation.intervals import accuracy_interval, effective_size, wilson
from ivvit.evaluation.metrics import DatasetMetrics, dataset_metrics
from ivvit.evaluation.predictions import About, Predictions, write_predictions
from ivvit.evaluation.rows import Rows, from_bytes, join, to_bytes
from ivvit.evaluation.summary import Summary, mean_metrics, summarize


def made(samples: int, classes: int, seed: int = 0) -> Rows:
    """Random predictions."""
    rng = np.random.default_rng(seed)
    scores = rng.dirichlet(np.ones(classes) / 2, samples).astype(np.float32) + np.float32(1e-6)
    scores /= scores.sum(1, keepdims=True)
    label = rng.integers(0, classes, samples).astype(np.int32)
    top = np.argsort(-scores, axis=1)[:, :5].astype(np.int32)
    own = scores[np.arange(samples), label]
    every = scores.astype(np.float16) if classes <= 1000 else None
    return Rows(np.arange(samples), label, top, np.take_along_axis(scores, top, 1), own, -np.log(own), every)


def measured(rows: Rows, classes: int, groups: list[str] | None = None) -> DatasetMetrics:
    names = [f"class {index}" for index in range(classes)]
    groups = groups or [str(index) for index in range(len(rows))]
    return dataset_metrics(rows, classes=names, groups=groups, split="test", unreadable=[])


@pytest.mark.parametrize("classes", [3, 9])
def test_numbers_agree_with_torchmetrics(classes):
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_calibration_error

    rows = made(200, classes)
    scores, labels = torch.from_numpy(rows.probabilities.astype(np.float32)), torch.from_numpy(rows.label).long()
    common = {"num_classes": classes}
    found = measured(rows, classes)
    assert found.top1 == pytest.approx(multiclass_accuracy(scores, labels, average="micro", **common).item())
    if classes < 6:
        assert found.top5 is None and found.top5_interval is None
    else:
        top5 = multiclass_accuracy(scores, labels, average="micro", top_k=5, **common).item()
        assert found.top5 == pytest.approx(top5)
    per_class = multiclass_accuracy(scores, labels, average="none", **common)
    assert [entry.top1 for entry in found.per_class] == pytest.approx(per_class.tolist())
    assert found.mean_class_accuracy == pytest.approx(per_class.mean().item())
    assert [entry.name for entry in found.per_class] == [f"class {index}" for index in range(classes)]
    assert sum(entry.num_samples for entry in found.per_class) == found.num_samples == found.num_groups == 200
    assert found.ece == pytest.approx(
        multiclass_calibration_error(scores, labels, n_bins=15, **common).item(), abs=2e-3
    )
    json.dumps(asdict(found), allow_nan=False)


def test_a_class_without_samples_has_no_accuracy():
    rows = made(20, 3)
    assert measured(rows, 5).per_class[4].top1 is None


def test_wilsons_interval_is_the_published_one():
    """Newcombe (Statistics in Medicine 1998), table I: 81 of 263 and 0 of 20."""
    assert wilson(81 / 263, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0.0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)


def test_samples_of_one_group_are_no_independent_evidence():
    """Ten copies of each sample tell no more than the sample: the interval must not shrink with them."""
    correct = np.random.default_rng(0).random(100) < 0.7
    alone = accuracy_interval(correct, np.arange(100))
    copied = accuracy_interval(np.repeat(correct, 10), np.repeat(np.arange(100), 10))
    assert copied == pytest.approx(alone, abs=0.03)
    assert accuracy_interval(np.repeat(correct, 10), np.arange(1000))[0] > alone[0] + 0.03


def test_groups_that_are_all_right_are_no_proof():
    """The demo showed [100.0, 100.0] from 14 groups. By hand: 14 x 15 / 16 samples' worth, in Wilson's interval."""
    size, squared = 14 * 15 / 16, 1.959964**2
    groups = np.repeat(np.arange(14), 4)
    assert effective_size(np.full(14, 4), np.full(14, 4)) == pytest.approx(size)
    assert accuracy_interval(np.ones(56, bool), groups) == pytest.approx((size / (size + squared), 1.0))
    assert accuracy_interval(np.zeros(56, bool), groups) == pytest.approx((0.0, squared / (size + squared)))
    one_miss = accuracy_interval(np.arange(56) > 0, groups)
    assert one_miss[0] < 0.8 and one_miss[1] < 1.0, "a miss makes no bound better"
    assert accuracy_interval(np.ones(56, bool), np.zeros(56, int))[0] < 0.2, "one group alone says little"
    assert effective_size(np.full(14, 4), np.array([4] * 13 + [40])) < size, "a large group is one group"


def test_groups_without_correlation_count_by_their_samples():
    rng = np.random.default_rng(0)
    sizes = np.full(2000, 4)
    assert effective_size(rng.binomial(4, 0.7, 2000), sizes) == pytest.approx(8000, rel=0.05)
    assert effective_size(4 * (rng.random(2000) < 0.7), sizes) == pytest.approx(2000, rel=0.05)


@pytest.mark.parametrize("truth", [0.6, 0.95, 0.99])
@pytest.mark.parametrize("groups", [8, 40])
def test_the_interval_of_groups_covers_the_truth(groups, truth):
    """Each group is easy or hard as a whole. The bootstrap held 0.99 in a third of all cases, and less."""
    rng, covered = np.random.default_rng(1), 0
    for _ in range(300):
        right = rng.random((groups, 8)) < rng.beta(3 * truth, 3 * (1 - truth), (groups, 1))
        low, high = accuracy_interval(right.ravel(), np.repeat(np.arange(groups), 8))
        covered += low <= truth <= high
    assert covered >= 276  # 95% less 2.4 standard errors


def test_means_over_data_sets_stay_undefined_where_one_is():
    one, two = Summary(0.5, 1.0, 1.0, 3), Summary(1.0, 0.5, 3.0, 3)
    assert asdict(mean_metrics({"a": one, "b": two})) == {"top1": 0.75, "top5": 0.75, "loss": 2.0}
    assert mean_metrics({"a": one, "b": replace(two, top5=None)}).top5 is None


def test_rows_survive_a_file_and_parts_any_order():
    whole = made(12, 4)
    parts = [
        Rows(**{
            name: None if value is None else value[first::2]
            for name, value in vars(whole).items() if name != "unreadable"
        }, unreadable={20 + first: "gone"})
        for first in (1, 0)
    ]  # fmt: skip
    back = join([from_bytes(to_bytes(part)) for part in [*parts, Rows.none({30: "lost"})]])
    for name, value in vars(whole).items():
        assert name == "unreadable" or np.array_equal(getattr(back, name), value), name
    assert back.unreadable == {20: "gone", 21: "gone", 30: "lost"}
    assert summarize(back, 4) == summarize(whole, 4)


def test_predictions_come_back_as_they_were(tmp_path):
    import pyarrow.parquet as pq

    entries = [
        Predictions("few", [f"a/{i}.png" for i in range(9)], ["g"] * 9, made(9, 3)),
        Predictions("many", [f"b/{i}.png" for i in range(7)], [str(i) for i in range(7)], made(7, 1200)),
    ]
    classes = {"few": ["x", "y", "z"], "many": [str(index) for index in range(1200)]}
    about = About(classes, {"split": "test", "clips": 10, "crops": 3}, "0123", 1, "abc")
    write_predictions(tmp_path / "one.parquet", entries, about)
    write_predictions(tmp_path / "two.parquet", entries, about)
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()
    table = pq.read_table(tmp_path / "one.parquet")
    told = {key.decode(): json.loads(value) for key, value in table.schema.metadata.items()}
    assert told == {"format": 1, **asdict(about)}
    found = table.to_pylist()
    for name, entry in zip(("few", "many"), entries, strict=True):
        mine, rows = [row for row in found if row["dataset"] == name], entry.rows
        assert [row["path"] for row in mine] == entry.paths and [row["group"] for row in mine] == entry.groups
        for column in ("label", "top", "top_probability", "probability", "loss"):
            assert np.array_equal([row[column] for row in mine], getattr(rows, column)), column
        if rows.probabilities is None:
            assert {row["probabilities"] for row in mine} == {None}
        else:
            assert np.array_equal([row["probabilities"] for row in mine], rows.probabilities)
    schema = {field.name: str(field.type) for field in table.schema}
    assert schema["label"] == "int32" and schema["probabilities"] == "list<element: halffloat>"
    assert schema["top"] == "list<element: int32>" and schema["dataset"].startswith("dictionary<values=string")
