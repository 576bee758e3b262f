"""Evaluation against torchmetrics and plain sums."""

import json
import shutil
from datetime import timedelta

import numpy as np
import pytest
import torch
from torch import nn
from training_runs import data, job  # noqa: F401

import ivvit.numerics.compat  # noqa: F401
from ivvit.evaluation.evaluate import Evaluation, evaluate, mean_metrics
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.pixels import PAPER, normalize
from ivvit.numerics.precision import Precision
from ivvit.numerics.training import Training
from ivvit.numerics.world import World
from ivvit.runs.feed import Feed
from ivvit.runs.inputs import samples_of
from ivvit.runs.loader import eval_loader
from ivvit.runs.run import train

CPU = torch.device("cpu")


class Linear(nn.Module):
    """A classifier of the flattened pixels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.LazyLinear(classes)

    def forward(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        return self.head(x.flatten(1)) * 3


def made(samples: int, views: int, classes: int, size: int = 7) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (samples, views, 3, 4, 4), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, classes, (samples,), generator=generator)
    records = [Record(i, str(i)) for i in range(samples)]
    return [Batch(pixels[i : i + size], labels[i : i + size], records[i : i + size]) for i in range(0, samples, size)]


def run(model: nn.Module, batches: list[Batch], classes: int, samples: int, limit: float = 0.0) -> Evaluation:
    paths = [str(i) for i in range(samples)]
    return evaluate(model, "x", batches, paths, classes, Precision("fp32", CPU), CPU, World(), limit)


@pytest.mark.parametrize(("classes", "views"), [(2, 1), (9, 1), (9, 4)])
def test_numbers_agree_with_torchmetrics(classes, views):
    from torchmetrics.functional.classification import multiclass_accuracy, multiclass_confusion_matrix

    model, batches = Linear(classes), made(50, views, classes)
    result = run(model, batches, classes, 50)
    labels = torch.cat([batch.labels for batch in batches])
    pixels = torch.cat([batch.pixels for batch in batches])
    with torch.no_grad():
        views_of = [model(normalize(pixels[:, view], PAPER), "x").softmax(1) for view in range(views)]
    scores = torch.stack(views_of).mean(0)
    common = {"num_classes": classes, "average": "micro"}
    metrics = result.metrics
    assert metrics["top1"] == pytest.approx(multiclass_accuracy(scores, labels, **common).item())
    top5 = multiclass_accuracy(scores, labels, top_k=min(5, classes), **common).item()
    assert metrics["top5"] == pytest.approx(top5)
    assert metrics["loss"] == pytest.approx(nn.functional.nll_loss(scores.log(), labels).item(), rel=1e-5)
    assert torch.equal(result.confusion, multiclass_confusion_matrix(scores, labels, classes))
    per_class = multiclass_accuracy(scores, labels, num_classes=classes, average="none").tolist()
    assert metrics["per_class"] == pytest.approx(per_class)
    assert metrics["num_samples"] == 50 and metrics["unreadable"] == []


def without_first(batch: Batch) -> Batch:
    unreadable = [Record(0, "0", reason="Input/output error")]
    return Batch(batch.pixels[1:], batch.labels[1:], batch.records[1:], unreadable)


def test_too_many_unreadable_files_give_no_result():
    batches = made(10, 1, 2)
    batches[0] = without_first(batches[0])
    with pytest.raises(
        UserError, match=r"x: 1 of 10 .*above max_damaged \(9.0%\), such as 0: Input/output error\. .*x`"
    ):
        run(Linear(2), batches, 2, 10, limit=0.09)


def lost(first: int, last: int) -> list[Batch]:
    """A batch of which nothing could be read."""
    records = [Record(index, str(index), reason="Input/output error") for index in range(first, last)]
    return [Batch(torch.empty(0, 0, dtype=torch.uint8), torch.empty(0, dtype=torch.int64), [], records)]


def test_nothing_readable_is_no_perfect_loss():
    with pytest.raises(UserError, match=r"x: 10 of 10 validation samples cannot be read, such as 0: Input/output"):
        run(Linear(2), lost(0, 10), 2, 10)


def test_all_processes_refuse_together(tmp_path):
    """Two processes, of which one can read nothing: both must raise, or one would wait for the other for ever."""
    file = f"file://{tmp_path}/meet"
    torch.multiprocessing.spawn(_refuse, (file, tmp_path), nprocs=2)
    messages = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    assert messages[0] == messages[1] and messages[0].startswith("x: 7 of 14 validation samples")


def _refuse(rank, file, folder):
    timeout = timedelta(seconds=60)  # a process that waits in vain fails
    torch.distributed.init_process_group("gloo", init_method=file, rank=rank, world_size=2, timeout=timeout)
    batches, paths = made(14, 1, 2)[:1] if rank else lost(7, 14), [str(i) for i in range(14)]
    with pytest.raises(UserError) as refused:
        evaluate(Linear(2), "x", batches, paths, 2, Precision("fp32", CPU), CPU, World(rank, 2))
    (folder / f"{rank}.txt").write_text(str(refused.value))


def test_lost_data_leaves_a_run_that_can_be_gone_on_with(data, tmp_path):  # noqa: F811
    root = shutil.copytree(data, tmp_path / "data")
    settings = {"names": ["shades"], "evaluation": {"batch_size": 4}}
    whole = train(job(root, tmp_path / "whole", **settings))
    val = next(root.rglob("shades/val"))
    val.rename(val.with_name("lost"))
    with pytest.raises(UserError, match="shades: 15 of 15 validation samples cannot be read"):
        train(job(root, tmp_path / "run", **settings))
    assert not (tmp_path / "run/metrics.json").exists()
    val.with_name("lost").rename(val)
    assert train(job(root, tmp_path / "run", **settings)).metrics["datasets"] == whole.metrics["datasets"]
    sessions = json.loads((tmp_path / "run/provenance.json").read_text())["sessions"]
    assert [session["from_iteration"] for session in sessions] == [0, 6], "only the evaluation was repeated"


def test_a_class_without_samples_and_an_unreadable_file():
    batches = made(10, 1, 2)
    batches[0] = without_first(batches[0])
    metrics = run(Linear(3), batches, 3, 10, limit=0.1).metrics
    assert metrics["per_class"][2] is None
    assert metrics["num_samples"] == 9 and metrics["unreadable"] == ["0"]


def test_the_mean_over_data_sets():
    one, two = {"top1": 0.5, "top5": 1.0, "loss": 1.0}, {"top1": 1.0, "top5": 1.0, "loss": 3.0}
    assert mean_metrics({"a": one, "b": two}) == {"top1": 0.75, "top5": 1.0, "loss": 2.0}


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_sample_once_at_any_world_size(world, data, tmp_path):  # noqa: F811
    wanted = job(data, tmp_path)
    feed = Feed(wanted, Training(wanted.experiment, 0, samples_of(wanted, "train"), None, CPU, World()), World(), CPU)
    for name, split in feed.val.items():
        seen = [r.index for rank in range(world) for b in eval_loader(split, batch_size=2, rank=rank, world=world)
                for r in b.records]  # fmt: skip
        assert sorted(seen) == list(range(len(split.samples))), name


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("metric", ["loss", "top1"])
def test_the_kept_model_is_the_configured_one(keep, metric, data, tmp_path):  # noqa: F811
    seen = {}
    evaluation = {"every": 1, "keep": keep, "metric": metric, "clips": 2, "crops": 3}
    settings = {"optimizer": {"name": "SGD", "lr": 0.05}, "names": ["shades"], "evaluation": evaluation}
    result = train(job(data, tmp_path, **settings), lambda i, m: bool(seen.update({i: m})))
    values = {i: m["mean"][metric] * (-1 if metric == "loss" else 1) for i, m in seen.items()}
    chosen = max(values, key=lambda i: (values[i], -i)) if keep == "best" else 6
    assert len(set(values.values())) > 1  # otherwise nothing was chosen
    assert result.metrics["model"] == {"kept": keep, "iteration": chosen}
    assert result.metrics["datasets"] == seen[chosen]["datasets"]
    confusion = np.load(tmp_path / "confusion.npz")["shades"]
    assert confusion.sum() == 15 and confusion.trace() / 15 == result.metrics["datasets"]["shades"]["top1"]


def test_the_saved_model_gives_the_saved_numbers(data, tmp_path):  # noqa: F811
    """model.safetensors, loaded as the initial weights of an evaluation, is the model of metrics.json."""
    from safetensors.torch import load_file

    first = job(data, tmp_path, ema=0.5, evaluation={"every": 2, "keep": "best"})
    metrics = train(first).metrics
    weights = load_file(tmp_path / "model.safetensors")
    training = Training(first.experiment, 5, samples_of(first, "train"), weights, CPU, World())
    model, feed = training.trainer.model, Feed(first, training, World(), CPU)
    for name, expected in metrics["datasets"].items():
        split = feed.val[name]
        samples = split.samples
        again = evaluate(model, name, feed.evaluation(name), samples.paths, samples.num_classes,
                         Precision("fp32", CPU), CPU, World())  # fmt: skip
        assert again.metrics == expected


def test_pruning_ends_a_run_without_metrics(data, tmp_path):  # noqa: F811
    result = train(job(data, tmp_path, evaluation={"every": 2}), lambda iteration, metrics: iteration == 4)
    assert result.pruned and set(result.metrics["datasets"]) == {"shades", "moves"}
    assert not (tmp_path / "metrics.json").exists()
