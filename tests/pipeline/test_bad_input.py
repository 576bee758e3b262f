"""Bad input: one clear error before training starts, and the other experiments go on."""

import csv
import re
import shutil
from pathlib import Path

import pytest
from workspace import Outcome, Workspace

CONFIG = """\
root_path: data
datasets:
  shades: {kind: image-folder, path: datasets/shades, flip: false}
  missing: {kind: image-folder, path: datasets/missing}
  empty: {kind: image-folder, path: datasets/empty}
weights:
  wrong: {url: "file://{root_path}/pretrained_weight/local.pth", sha256: "00000000"}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 1
  precision: fp32
experiments:
  good: {datasets: {shades: 2}}
  folder-missing: {datasets: {missing: 2}}
  folder-empty: {datasets: {empty: 2}}
  list-missing: {datasets: {UCF101: 2}}
  wrong-checksum: {datasets: {shades: 2}, pretrain: wrong}
runtime: {workers: 0, gpus: 0}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    made = Workspace.make(tmp_path_factory.mktemp("bad") / "project")
    (made / "config/config.yaml").write_text(CONFIG)
    (made / "data/datasets/empty/train").mkdir(parents=True)
    shutil.copytree(made / "data/datasets/shades", made / "data/datasets/UCF101/UCF-101")
    return made


@pytest.fixture(scope="module")
def outcome(workspace: Workspace) -> Outcome:
    return workspace.run()


def test_the_other_experiments_go_on(outcome: Outcome) -> None:
    assert outcome.status != 0
    assert {job for job in outcome.jobs if job.startswith("train")} == {"train:good/0"}


def test_one_failed_experiment_withholds_no_table(outcome: Outcome, workspace: Workspace) -> None:
    assert outcome.status != 0
    good, *others = comparison(workspace)
    assert good["experiment"] == "good" and good["n"] == "1" and float(good["shades_top1_mean"]) >= 0
    assert [row["experiment"] for row in others] == ["folder-missing", "folder-empty", "list-missing", "wrong-checksum"]
    assert all(row["n"] == "0" and row["why_missing"] for row in others)
    assert "good" in (workspace / "results/report.html").read_text()


def test_an_earlier_result_is_not_shown_as_todays(outcome: Outcome, workspace: Workspace, tmp_path: Path) -> None:
    """Its links are there still."""
    changed = workspace.copy(tmp_path / "it")
    changed.edit("config/config.yaml", "iterations: 1", "iterations: 2")
    changed.ivvit("tables")
    assert (changed / "results/experiments/good/seed0/metrics.json").is_file()
    row = comparison(changed)[0]
    assert row["n"] == "0" and "stale" in row["why_missing"] and "iterations" in row["why_missing"]


def comparison(workspace: Workspace) -> list[dict[str, str]]:
    """The experiments' rows of comparison.csv."""
    with (workspace / "results/tables/comparison.csv").open(newline="") as stream:
        return [row for row in csv.DictReader(stream) if row["kind"] == "experiment"]


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("validate/missing", ["missing", "data/datasets/missing"]),
        ("validate/empty", ["empty", "data/datasets/empty"]),
        ("validate/UCF101", ["UCF101", "ucfTrainTestlist"]),
        ("weights/wrong", ["local.pth", "00000000"]),
    ],
)
def test_one_clear_error_before_training(outcome: Outcome, workspace: Workspace, log: str, words: list[str]) -> None:
    (file,) = (workspace / "logs").glob(f"{log}-*.log")
    text = file.read_text()
    assert text.count("error:") == 1 and "Traceback" not in text
    assert all(word in text[text.index("error:") :] for word in words), text
    told = re.search(rf"^logs/{log}-[0-9a-f]{{16}}\.log: error: (.*)", outcome.text, re.MULTILINE)
    assert told is not None, outcome.text  # at the end, and where to look


def test_a_wrong_name_stops_everything_before_it_starts(workspace: Workspace) -> None:
    (workspace / "wrong.yaml").write_text(CONFIG.replace("{shades: 2}", "{Shades: 2}"))
    stopped = workspace.run("--configfile", "wrong.yaml")
    assert stopped.status != 0 and not stopped.jobs
    assert "unknown data set 'Shades'; did you mean shades?" in stopped.text
    assert "Traceback" not in stopped.text


def test_batch_sizes_that_do_not_match(workspace: Workspace) -> None:
    ran = workspace.python("-m", "ivvit", "train", "-dn", "CIFAR100", "UCF101", "-bsl", "4", "--model", "IV-ViT")
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: -bsl has 1 batch sizes ([4]) for 2 data sets (CIFAR100, UCF101)")
