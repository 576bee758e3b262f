"""What a run selects by on its way: predictions against plain sums, and which split they are of."""

import json
import shutil
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import nn
from training_runs import DATASETS, job, same_bits

import ivvit.numerics.compat  # noqa: F401
from ivvit.config import DatasetOptions
from ivvit.data.manifest import load_manifest
from ivvit.data.validation import validate
from ivvit.evaluation.evaluate import evaluate
from ivvit.evaluation.rows import Rows
from ivvit.evaluation.summary import summarize
from ivvit.ground.errors import UserError
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.finite import Diverged
from ivvit.numerics.pixels import PAPER, normalize
from ivvit.numerics.precision import Precision
from ivvit.numerics.samples import Samples
from ivvit.numerics.sources import ImageSource
from ivvit.numerics.training import Training
from ivvit.numerics.world import World
from ivvit.runs.feed import Feed
from ivvit.runs.inputs import samples_of
from ivvit.runs.job import TrainJob
from ivvit.runs.loader import eval_loader
from ivvit.runs.model_file import read_card
from ivvit.runs.rows import read_rows
from ivvit.runs.run import train

CPU = torch.device("cpu")


class Linear(nn.Module):
    """A classifier of the flattened pixels."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.head = nn.LazyLinear(classes)
        self.pixels = PAPER

    def forward(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        return self.head(x.flatten(1)) * 3


def made(samples: int, views: int, classes: int, size: int = 7) -> list[Batch]:
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(0, 256, (samples, views, 3, 4, 4), dtype=torch.uint8, generator=generator)
    labels = torch.randint(0, classes, (samples,), generator=generator)
    records = [Record(i, str(i)) for i in range(samples)]
    return [Batch(pixels[i : i + size], labels[i : i + size], records[i : i + size]) for i in range(0, samples, size)]


def listed(samples: int, classes: int) -> Samples:
    paths, names = [str(i) for i in range(samples)], [str(i) for i in range(classes)]
    source = ImageSource(paths)
    return Samples(dataset="x", classes=names, paths=paths, labels=[0] * samples, groups=paths, source=source)


def run(model: nn.Module, batches: list[Batch], classes: int, samples: int, limit: float = 0.0) -> Rows:
    return evaluate(model, "x", batches, listed(samples, classes), Precision("fp32", CPU), CPU, World(), limit)


@pytest.mark.parametrize(("classes", "views"), [(2, 1), (9, 1), (9, 4)])
def test_the_softmax_of_the_views_is_averaged(classes, views):
    model, batches = Linear(classes), made(50, views, classes)
    rows = run(model, batches, classes, 50)
    labels = torch.cat([batch.labels for batch in batches])
    pixels = torch.cat([batch.pixels for batch in batches])
    with torch.no_grad():
        of_views = [model(normalize(pixels[:, view], PAPER), "x").softmax(1) for view in range(views)]
    scores = torch.stack(of_views).mean(0)
    assert rows.index.tolist() == list(range(50)) and rows.label.tolist() == labels.tolist()
    assert rows.top.tolist() == scores.topk(min(5, classes)).indices.tolist()
    assert rows.probability == pytest.approx(scores[range(50), labels].numpy(), rel=1e-5)
    found = summarize(rows, classes)
    assert found.loss == pytest.approx(nn.functional.nll_loss(scores.log(), labels).item(), rel=1e-5)
    assert found.top1 == pytest.approx((scores.argmax(1) == labels).float().mean().item())
    assert found.num_samples == 50 and (found.top5 is None) == (classes < 6)


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
    with pytest.raises(UserError, match=r"x: 10 of 10 samples to evaluate cannot be read, such as 0: Input/output"):
        run(Linear(2), lost(0, 10), 2, 10)


def test_all_processes_refuse_together(tmp_path):
    """Two processes, of which one can read nothing: both must raise, or one would wait for the other for ever."""
    file = f"file://{tmp_path}/meet"
    torch.multiprocessing.spawn(_refuse, (file, tmp_path), nprocs=2)
    messages = [(tmp_path / f"{rank}.txt").read_text() for rank in range(2)]
    assert messages[0] == messages[1] and messages[0].startswith("x: 7 of 14 samples to evaluate")


def _refuse(rank, file, folder):
    timeout = timedelta(seconds=60)  # a process that waits in vain fails
    torch.distributed.init_process_group("gloo", init_method=file, rank=rank, world_size=2, timeout=timeout)
    batches = made(14, 1, 2)[:1] if rank else lost(7, 14)
    with pytest.raises(UserError) as refused:
        evaluate(Linear(2), "x", batches, listed(14, 2), Precision("fp32", CPU), CPU, World(rank, 2))
    (folder / f"{rank}.txt").write_text(str(refused.value))


def test_lost_data_leaves_a_run_that_can_be_gone_on_with(data, tmp_path):
    root = shutil.copytree(data, tmp_path / "data")
    settings = {"names": ["shades"], "validation": {"every": 6, "batch_size": 4}}
    whole = train(job(root, tmp_path / "whole", **settings))
    val = next(root.rglob("shades/val"))
    val.rename(val.with_name("lost"))
    with pytest.raises(UserError, match="shades: 15 of 15 samples to evaluate cannot be read"):
        train(job(root, tmp_path / "run", **settings))
    assert not (tmp_path / "run/model.safetensors").exists()
    val.with_name("lost").rename(val)
    assert train(job(root, tmp_path / "run", **settings)).metrics["datasets"] == whole.metrics["datasets"]
    sessions = json.loads((tmp_path / "run/provenance.json").read_text())["sessions"]
    assert [session["from_iteration"] for session in sessions] == [0, 6], "only the validation was repeated"


def test_an_unreadable_file_is_left_out():
    batches = made(10, 1, 2)
    batches[0] = without_first(batches[0])
    rows = run(Linear(3), batches, 3, 10, limit=0.1)
    assert rows.index.tolist() == list(range(1, 10)) and rows.unreadable == {0: "Input/output error"}


def test_a_destroyed_model_is_no_result():
    model = Linear(3)
    model(torch.zeros(1, 3, 4, 4), "x")
    model.head.weight.data[0, 0] = torch.inf
    with pytest.raises(Diverged, match=r"x: the model's output is not finite for 10 of 10 samples, such as 0"):
        run(model, made(10, 1, 3), 3, 10)


def training(wanted: TrainJob, weights: dict | None = None) -> Training:
    samples, val = samples_of(wanted, "train"), samples_of(wanted, "val")
    return Training(wanted.experiment, 0, samples, weights, CPU, World(), val=val)


@pytest.mark.parametrize("world", [1, 2, 3, 7])
def test_every_sample_once_at_any_world_size(world, data, tmp_path):
    wanted = job(data, tmp_path, validation={"every": 1})
    feed = Feed(wanted, training(wanted), World(), CPU)
    for name, split in feed.val.items():
        seen = [r.index for rank in range(world) for b in eval_loader(split, batch_size=2, rank=rank, world=world)
                for r in b.records]  # fmt: skip
        assert sorted(seen) == list(range(len(split.samples))), name


@pytest.mark.parametrize("keep", ["best", "last"])
@pytest.mark.parametrize("metric", ["loss", "top1"])
def test_the_kept_model_is_the_configured_one(keep, metric, data, tmp_path):
    seen = {}
    looks = {"every": 1, "keep": keep, "metric": metric, "clips": 2, "crops": 3}
    settings = {"optimizer": {"name": "SGD", "lr": 0.5}, "names": ["shades"], "validation": looks}
    result = train(job(data, tmp_path, **settings), lambda i, m: bool(seen.update({i: m})))
    values = {i: m["mean"][metric] * (-1 if metric == "loss" else 1) for i, m in seen.items()}
    chosen = max(values, key=lambda i: (values[i], -i)) if keep == "best" else 6
    assert len(set(values.values())) > 1  # otherwise nothing was chosen
    assert result.metrics == seen[chosen]
    card = read_card(tmp_path / "model.safetensors")
    assert (card.kept_iteration, card.validation) == (chosen, seen[chosen])
    assert seen[chosen]["datasets"]["shades"]["num_samples"] == 15


def test_the_saved_model_gives_the_saved_numbers(data, tmp_path):
    """model.safetensors, loaded as the initial weights of a run, is the model that was validated."""
    first = job(data, tmp_path, ema=0.5, validation={"every": 2, "keep": "best"})
    metrics = train(first).metrics
    again = training(first, load_file(tmp_path / "model.safetensors"))
    feed = Feed(first, again, World(), CPU)
    for name, expected in metrics["datasets"].items():
        samples = feed.val[name].samples
        rows = evaluate(again.trainer.model, name, feed.validation(name), samples, Precision("fp32", CPU), CPU, World())
        assert asdict(summarize(rows, samples.num_classes)) == expected


def test_pruning_ends_a_run_without_a_model(data, tmp_path):
    result = train(job(data, tmp_path, validation={"every": 2}), lambda iteration, metrics: iteration == 4)
    assert result.pruned and set(result.metrics["datasets"]) == {"shades", "moves"}
    assert not (tmp_path / "model.safetensors").exists()


def test_training_looks_at_no_test_file_and_at_val_only_where_it_is_asked_to(data, tmp_path):
    root = shutil.copytree(data, tmp_path / "data")
    lose(root, "test")
    with_val = train(job(root, tmp_path / "looks", validation={"every": 6}))
    assert with_val.metrics is not None
    lose(root, "val")
    assert train(job(root, tmp_path / "run")).metrics is None
    assert "val" not in (tmp_path / "run/history.csv").read_text()
    models = [load_file(tmp_path / name / "model.safetensors") for name in ("looks", "run")]
    same_bits(*models)


def lose(root: Path, split: str) -> None:
    """Remove a split's files, and the stored frames of all videos that are not in another one."""
    for name in ("shades", "moves"):
        rows = load_manifest(root / f"manifests/{name}.json").split(split)
        shutil.rmtree(root / name / split)
        for sha256 in rows["sha256"]:
            for file in root.glob(f"frames/**/{sha256}*"):
                file.unlink()


def test_without_val_the_error_names_the_key(data, tmp_path):
    """Known at the start of the job: the manifest says which splits there are."""
    root = shutil.copytree(data, tmp_path / "data")
    shutil.rmtree(root / "shades/val")
    validate("shades", DatasetOptions(**DATASETS["shades"]), root, root / "manifests/shades.json")
    settings = {"names": ["shades"], "validation": {"every": 2}}
    with pytest.raises(UserError, match=r"no val of shades to select by; set validation\.holdout: 0\.1 .*every out"):
        train(job(root, tmp_path / "run", **settings))
    settings["validation"]["holdout"] = 0.25
    assert train(job(root, tmp_path / "run", **settings)).metrics["datasets"]["shades"]["num_samples"] == 6


def test_a_hold_out_that_empties_a_class_names_it(data, tmp_path):
    settings = {"names": ["shades"], "options": {"holdout": 0.1, "group": r"class\d"}}
    root = shutil.copytree(data, tmp_path / "data")
    shutil.rmtree(root / "shades/val")
    options = DatasetOptions(**DATASETS["shades"] | settings["options"])
    validate("shades", options, root, root / "manifests/shades.json")
    with pytest.raises(UserError, match=r"shades: datasets\.shades\.holdout cannot .* class class0: its 8 training"):
        train(job(root, tmp_path / "run", **settings))


@pytest.mark.parametrize("iterations", [1, 2])
def test_a_learning_rate_that_destroys_the_model_is_an_error(iterations, data, tmp_path):
    """Before, the last step could destroy it unnoticed, and metrics.json was no JSON."""
    settings = {"names": ["shades"], "optimizer": {"name": "SGD", "lr": 1e30}, "lr_schedule": {"name": "constant"}}
    with pytest.raises(Diverged):
        train(job(data, tmp_path, iterations=iterations, validation={"every": 1}, **settings))
    assert not (tmp_path / "model.safetensors").exists()
    for file in tmp_path.rglob("*.json"):
        json.loads(file.read_text(), parse_constant=pytest.fail)


def test_the_history_of_a_run_that_validates_nothing_is_complete(data: Path, tmp_path: Path) -> None:
    """Its last iterations come before the next flush by the clock, and no validation flushes them."""
    train(job(data, tmp_path, names=["shades"]))
    rows = read_rows(tmp_path / "history.csv")
    assert [(row["iteration"], row["phase"]) for row in rows] == [(str(i), "train") for i in range(1, 7)]
