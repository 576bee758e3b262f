"""Evaluations as jobs: from a model's file alone, resumable, and with errors that say what to do."""

import json
import os
import shutil
import signal
from dataclasses import MISSING, fields, replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file, save_file
from training_runs import DATASETS, wanted

import ivvit.runs.course as course
import ivvit.runs.evaluate as evaluation
from ivvit.config import DatasetOptions
from ivvit.data.manifest import load_manifest
from ivvit.data.validation import validate
from ivvit.evaluation.views import EvalData
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch
from ivvit.numerics.finite import Diverged
from ivvit.numerics.pixels import PAPER, normalize
from ivvit.runs.evaluate import evaluate_run
from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationMetrics
from ivvit.runs.inputs import open_eval
from ivvit.runs.job import Interrupted
from ivvit.runs.model_file import encode, load_model, read_card


def test_a_file_is_enough(data, model, tmp_path):
    """The numbers are those of the model applied by hand, for each sample of the split, in the manifest's order."""
    found = evaluate_run(wanted(data, model, tmp_path, clips=2, crops=3))
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "checksums.json", "evaluate.log", "metrics.json", "predictions.parquet",
    ]  # fmt: skip
    table = pq.read_table(tmp_path / "predictions.parquet").to_pandas()
    card = read_card(model)
    network = load_model(model, card)
    for name, metrics in found.datasets.items():
        lock = data / f"manifests/{name}.json"
        views = {"img_size": 32, "num_frames": 2, "clips": 2, "crops": 3}
        split = open_eval(name, DatasetOptions(**DATASETS[name]), data, lock, **views)
        mine, count = table[table["dataset"] == name], len(split.samples)
        assert mine["path"].tolist() == load_manifest(lock).split("test")["path"].tolist()
        assert metrics.num_samples == count == len(mine) and metrics.split == "test"
        with torch.no_grad():
            views = [
                network(normalize(split.batch([i]).pixels[0], PAPER), name).softmax(1).mean(0) for i in range(count)
            ]
        scores, labels = torch.stack(views), torch.tensor(split.samples.labels)
        assert np.allclose(np.stack(mine["probabilities"]), scores, atol=1e-3)
        assert metrics.top1 == pytest.approx((scores.argmax(1) == labels).float().mean().item())
        assert metrics.loss == pytest.approx(-scores[range(count), labels].log().mean().item(), rel=1e-4)
        assert [entry.name for entry in metrics.per_class] == split.samples.classes
    assert (found.seed, found.iterations, found.identity) == (3, 6, None)
    assert found.evaluation == {"clips": 2, "crops": 3, "split": "test", "precision": "fp32"}
    told = {k.decode(): json.loads(v) for k, v in pq.read_schema(tmp_path / "predictions.parquet").metadata.items()}
    assert told["model_sha256"] == found.model_sha256 and told["classes"]["moves"] == ["class0", "class1"]


def test_what_is_done_is_not_done_again_and_another_protocol_is(data, model, tmp_path):
    first = evaluate_run(wanted(data, model, tmp_path, "shades"))
    time = (tmp_path / "predictions.parquet").stat().st_mtime_ns
    assert evaluate_run(wanted(data, model, tmp_path, "shades", batch_size=5)) == first
    assert (tmp_path / "predictions.parquet").stat().st_mtime_ns == time
    assert evaluate_run(wanted(data, model, tmp_path, "shades", crops=3)).evaluation["crops"] == 3
    assert evaluate_run(wanted(data, model, tmp_path, "shades", split="val")).datasets["shades"].num_samples == 15


def test_a_finished_evaluation_of_an_earlier_version_is_kept(data, model, tmp_path):
    """One from before its metrics.json said `renamed`; another model's is not taken for it."""
    first = evaluate_run(wanted(data, model, tmp_path, "shades"))
    (tmp_path / "checksums.json").unlink()  # nor had it checksums
    file, before = tmp_path / "metrics.json", (tmp_path / "predictions.parquet").stat().st_mtime_ns
    content = json.loads(file.read_text())
    later = {field.name for field in fields(EvaluationMetrics) if field.default_factory is not MISSING}
    assert "renamed" in later
    file.write_text(json.dumps({key: value for key, value in content.items() if key not in later}))
    assert evaluate_run(wanted(data, model, tmp_path, "shades")) == first
    assert (tmp_path / "predictions.parquet").stat().st_mtime_ns == before
    file.write_text(json.dumps(content | {"model_sha256": "0" * 64}))
    assert evaluate_run(wanted(data, model, tmp_path, "shades")) == first
    assert (tmp_path / "predictions.parquet").stat().st_mtime_ns != before


class Stopping:
    """Evaluation data that asks this process to stop, as a scheduler does, at one of its batches."""

    def __init__(self, split: EvalData, at: int) -> None:
        self._data, self._left = split, at

    def __getattr__(self, name: str):
        return getattr(self._data, name)

    def batch(self, *arguments) -> Batch:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGUSR1)
        return self._data.batch(*arguments)


@pytest.mark.parametrize("knn", [None, 3])
def test_a_stopped_evaluation_goes_on_and_ends_in_the_same_bytes(knn, data, model, tmp_path, monkeypatch):
    opens, seen = evaluation.open_for_head, []
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    evaluate_run(wanted(data, model, whole, knn=knn))
    predict, embed = course.predict, course.embed
    monkeypatch.setattr(course, "predict", lambda *a: (seen.extend(("head", r) for r in a[2].records), predict(*a))[1])
    monkeypatch.setattr(course, "embed", lambda *a: (seen.extend(("trunk", r) for r in a[1].records), embed(*a))[1])
    monkeypatch.setattr(evaluation, "open_for_head", lambda *a: Stopping(opens(*a), at=4 if knn is None else 7))
    stops = 0
    while not (parts / "metrics.json").exists():
        try:
            evaluate_run(wanted(data, model, parts, knn=knn))
        except Interrupted:
            stops += 1
            assert list(parts.glob("state/parts/*/*.npz")) and not (parts / "predictions.parquet").exists()
    samples = 20 if knn is None else 20 + 20 + 40  # predictions; their features, and those of the training samples
    assert stops >= 2 and len(seen) == len(set(seen)) == samples, "no sample twice"
    for name in ("metrics.json", "predictions.parquet"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name


def test_nearest_training_samples_vote_beside_the_head(data, model, tmp_path):
    """By hand from the model without its heads; the head's own numbers stay what they are."""
    found = evaluate_run(wanted(data, model, tmp_path / "asked", "shades", knn=3))
    plain = evaluate_run(wanted(data, model, tmp_path / "plain", "shades"))
    assert (found.datasets, found.evaluation["knn"]) == (plain.datasets, 3) and not plain.knn and not plain.bank
    assert "knn" not in plain.evaluation
    network, features = load_model(model, read_card(model)), {}
    for split in ("train", "test"):
        lock, options = data / "manifests/shades.json", DatasetOptions(**DATASETS["shades"])
        views = open_eval("shades", options, data, lock, img_size=32, num_frames=2, split=split)
        pixels = normalize(views.batch(list(range(len(views.samples)))).pixels[:, 0], PAPER)
        with torch.no_grad():
            seen = network.pool(network.features(pixels))
        features[split] = torch.nn.functional.normalize(seen, dim=1), torch.tensor(views.samples.labels)
    (bank, known), (asked, labels) = features["train"], features["test"]
    likeness, nearest = (asked @ bank.T).topk(3)
    votes = torch.zeros(len(asked), 3).scatter_add_(1, known[nearest], (likeness / 0.07).softmax(1))
    assert found.knn["shades"].top1 == pytest.approx((votes.argmax(1) == labels).float().mean().item())
    own = votes[range(len(labels)), labels].clamp(min=1e-6)
    assert found.knn["shades"].loss == pytest.approx(-own.log().mean().item(), rel=1e-3)
    assert found.bank["shades"] != found.data["shades"] and found.knn["shades"].num_samples == len(labels)


def test_what_another_model_left_is_not_taken_up(data, model, tmp_path):
    other = tmp_path / "other.safetensors"
    tensors = load_file(model)
    tensors["heads.shades.bias"] += torch.tensor([0.0, 9.0, 0.0])
    other.write_bytes(encode(tensors, read_card(model)))
    run, expected = tmp_path / "run", evaluate_run(wanted(data, model, tmp_path / "one", "shades"))
    evaluate_run(wanted(data, other, run, "shades"))
    assert evaluate_run(wanted(data, model, run, "shades")) == expected
    assert (run / "predictions.parquet").read_bytes() == (tmp_path / "one/predictions.parquet").read_bytes()


def test_classes_are_matched_by_name(data, model, tmp_path):
    """Another data set whose classes are a part of the head's, in another order."""
    table = load_manifest(data / "manifests/shades.json").split("test")
    rows = [f"{data}/{path},class{label},test" for path, label in zip(table["path"], table["label"], strict=True)]
    rows = [f"{data}/shades/train/class2/0.png,class2,train", *rows[::-1]]
    (tmp_path / "list.csv").write_text("\n".join(row for row in rows if "class0" not in row))
    options = DatasetOptions(kind="list-file", media="image", path=str(tmp_path / "list.csv"))
    validate("other", options, data, tmp_path / "other.json")
    entry = EvaluatedDataset("other", options, tmp_path / "other.json", "shades")
    whole = evaluate_run(wanted(data, model, tmp_path / "one", "shades")).datasets["shades"]
    part = evaluate_run(replace(wanted(data, model, tmp_path / "two"), datasets=(entry,))).datasets["other"]
    assert part.per_class[0].top1 is None
    assert part.per_class[1:] == whole.per_class[1:]
    with pytest.raises(UserError, match=r"shades and the head moves do not have the same classes.* none of class2 \(1"):
        evaluate_run(wanted(data, model, tmp_path / "three", "shades", head="moves"))
    with pytest.raises(UserError, match=r"the model has no head cats; it has moves, shades"):
        evaluate_run(wanted(data, model, tmp_path / "four", "shades", head="cats"))


def test_lost_files_are_an_error_that_a_restart_makes_up_for(data, model, tmp_path):
    root = shutil.copytree(data, tmp_path / "data")
    whole = evaluate_run(wanted(data, model, tmp_path / "whole", "shades"))
    lost = sorted((root / "shades/test").rglob("*.png"))[3:5]
    for file in lost:
        file.rename(file.with_suffix(".gone"))
    with pytest.raises(UserError, match=r"shades: 2 of 12 samples to evaluate cannot .*above max_damaged \(1.0%\)"):
        evaluate_run(wanted(root, model, tmp_path / "run", "shades"))
    tolerant = replace(wanted(root, model, tmp_path / "left out", "shades"))
    options = tolerant.datasets[0].options.model_copy(update={"max_damaged": 0.5})
    found = evaluate_run(replace(tolerant, datasets=(replace(tolerant.datasets[0], options=options),)))
    assert found.datasets["shades"].unreadable == [str(file.relative_to(root)) for file in lost]
    assert found.datasets["shades"].num_samples == 10
    for file in lost:
        file.with_suffix(".gone").rename(file)
    assert evaluate_run(wanted(root, model, tmp_path / "run", "shades")) == whole


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_a_destroyed_model_gets_no_numbers(value, data, model, tmp_path):
    tensors = load_file(model)
    tensors["heads.moves.weight"][0, 0] = value
    (tmp_path / "broken.safetensors").write_bytes(encode(tensors, read_card(model)))
    with pytest.raises(Diverged, match=r"moves: the model's output is not finite for \d of 2 samples"):
        evaluate_run(wanted(data, tmp_path / "broken.safetensors", tmp_path / "run", "moves", knn=3))
    assert not (tmp_path / "run/metrics.json").exists()


def test_files_that_are_not_what_was_written(data, model, tmp_path):
    damaged = bytearray(model.read_bytes())
    damaged[-5] ^= 1
    (tmp_path / "damaged.safetensors").write_bytes(damaged)
    with pytest.raises(UserError, match=r"damaged\.safetensors is damaged: its tensors are not those"):
        evaluate_run(wanted(data, tmp_path / "damaged.safetensors", tmp_path / "run"))
    (tmp_path / "short.safetensors").write_bytes(model.read_bytes()[:100])
    with pytest.raises(UserError, match=r"short\.safetensors cannot be read as a model"):
        read_card(tmp_path / "short.safetensors")
    save_file({"a": torch.zeros(1)}, tmp_path / "foreign.safetensors")
    with pytest.raises(UserError, match=r"has no metadata of a model"):
        read_card(tmp_path / "foreign.safetensors")


def test_equal_models_have_equal_files(model):
    assert encode(load_file(model), read_card(model)) == model.read_bytes()
