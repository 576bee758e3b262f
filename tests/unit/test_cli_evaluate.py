"""`ivvit train` ends with numbers, and `ivvit evaluate` gives others without training."""

import json
import shutil
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from data_sets import image_folder

from ivvit.cli import main
from ivvit.config import load_config
from ivvit.planning.jobs import Jobs
from ivvit.runs.model_file import read_card

CONFIG = """\
root_path: data
datasets:
  pets: {kind: image-folder, path: pets}
  more: {kind: image-folder, path: more}
  cars: {kind: image-folder, path: cars}
  other: {kind: image-folder, path: other}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 2
  precision: fp32
  datasets: {pets: 2}
  seeds: [0, 1]
experiments:
  x: {model: IV-ViT}
  kept: {validation: {every: 1, keep: best}}
  held: {validation: {every: 2, keep: best, holdout: 0.5}, evaluation: {split: val}, seeds: [0]}
runtime: {workers: 0, gpus: 0}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Validated data sets and one trained seed of two."""
    folder = tmp_path_factory.mktemp("workspace")
    image_folder(folder / "data/pets")
    shutil.copytree(folder / "data/pets", folder / "data/more")
    image_folder(folder / "data/cars", classes=3)
    (folder / "config.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in ("pets", "more", "cars"):
            assert command("validate", name) == 0
        assert command("train", "x") == 0
    return folder


@pytest.fixture(autouse=True)
def _inside(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)


def command(*arguments: str) -> int:
    return main([arguments[0], *arguments[1:], "--config", "config.yaml"])


def files() -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in Path("results").rglob("*") if path.is_file()}


def test_training_by_hand_ends_with_an_evaluation(workspace, capsys):
    metrics = json.loads(Path("results/experiments/x/seed0/metrics.json").read_text())
    assert metrics["datasets"]["pets"]["num_samples"] == 4
    before = files()
    assert command("train", "x") == 0
    assert "x-seed0" in capsys.readouterr().out
    assert files() == before, "what is done is not done again"


@pytest.mark.parametrize(
    "arguments",
    [
        ("x", "--crops", "3", "--split", "train"),
        ("results/experiments/x/seed0",),
        ("results/experiments/x",),
        ("results/experiments/x/seed0/model.safetensors", "--dataset", "more", "--head", "pets"),
    ],
)
def test_it_prints_a_table_and_writes_nothing(arguments, capsys):
    before = files()
    assert command("evaluate", *arguments) == 0
    text = capsys.readouterr().out
    assert ("train" in text) == ("train" in arguments) and "seed0" in text and "[" in text
    assert files() == before


def test_out_keeps_what_was_found(tmp_path):
    assert command("evaluate", "x", "--out", str(tmp_path / "kept")) == 0
    assert {"metrics.json", "predictions.parquet"} <= {path.name for path in (tmp_path / "kept").iterdir()}


def test_classes_of_other_names(workspace, tmp_path, capsys):
    """A data set that calls its classes otherwise: the same numbers by a mapping of names."""
    for split in ("train", "val"):
        for old, new in (("c0", "cat"), ("c1", "dog")):
            shutil.copytree(workspace / f"data/pets/{split}/{old}", workspace / f"data/other/{split}/{new}")
    assert command("validate", "other") == 0
    mapping, arguments = tmp_path / "names.yaml", ("evaluate", "x", "--dataset", "other", "--head", "pets")
    mapping.write_text("cat: c0\ndog: c1\n")
    assert command(*arguments, "--classes", str(mapping), "--out", str(tmp_path / "other")) == 0
    assert command("evaluate", "x", "--out", str(tmp_path / "pets")) == 0
    found = [json.loads((tmp_path / name / "metrics.json").read_text()) for name in ("other", "pets")]
    assert found[0]["renamed"] == {"other": {"cat": "c0", "dog": "c1"}}
    assert found[0]["datasets"]["other"] == found[1]["datasets"]["pets"]
    capsys.readouterr()
    for text, message in (
        ("cat: c0\nhorse: c1", "unknown class of other 'horse'"),
        ("cat: c0", "the head knows none of dog"),
        ("[cat]", "must be a mapping of names to names"),
        ("cat: c0\ncat", "cannot be read"),
    ):
        mapping.write_text(text)
        assert command(*arguments, "--classes", str(mapping)) == 2
        assert message in capsys.readouterr().err


def test_val_is_what_training_held_out(tmp_path, capsys):
    """The samples and the number that the model was kept by; train is the rest."""
    assert command("train", "held") == 0
    kept = read_card(Path("results/experiments/held/seed0/model.safetensors")).validation["datasets"]["pets"]
    found = json.loads(Path("results/experiments/held/seed0/metrics.json").read_text())
    assert found["datasets"]["pets"]["split"] == "val" and found["datasets"]["pets"]["top1"] == kept["top1"]
    paths = {}
    for split in ("val", "train", "test"):
        assert command("evaluate", "held", "--split", split, "--out", str(tmp_path / split)) == 0
        paths[split] = set(pq.read_table(tmp_path / split / "predictions.parquet")["path"].to_pylist())
    assert len(paths["val"]) == kept["num_samples"] == found["datasets"]["pets"]["num_samples"]
    everything = {str(file.relative_to("data")) for file in Path("data/pets/train").rglob("*.png")}
    assert paths["val"] | paths["train"] == everything and not paths["val"] & paths["train"]
    assert not paths["test"] & everything
    digests = {json.loads((tmp_path / split / "metrics.json").read_text())["data"]["pets"] for split in paths}
    assert len(digests) == 3, "an evaluation of another part is another one"
    capsys.readouterr()
    assert command("evaluate", "results/experiments/held/seed0", "--split", "val") == 2
    assert "evaluate by its name an experiment that has validation.holdout" in capsys.readouterr().err


def test_the_rules_job_refuses_another_evaluation_than_todays(capsys):
    run, evaluation = Path("results/experiments/x/seed0/metrics.json").resolve().parts[-5:-1:3]
    assert command("evaluate", "--identity", run, "--seed", "0", "--evaluation", evaluation) == 0
    assert command("evaluate", "--identity", run, "--seed", "0", "--evaluation", "0" * 16) == 1
    assert f"x has the evaluation {evaluation} now, not {'0' * 16}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("y",), "unknown experiment 'y'; known: x, kept, held; nor is it a folder with model.safetensors"),
        (("x", "--seed", "1"), "x: none of its seeds (1) is trained yet"),
        (("x", "--head", "dogs"), "the model has no head dogs; it has pets"),
        (("x", "--dataset", "cars", "--head", "pets"), "cars and the head pets do not have the same classes"),
        (
            ("x", "--split", "val"),
            "pets has no samples in split val, and none of train are held out as val here; set data",
        ),
        (("x", "--crops", "2"), "--crops 2: "),
        ((), "name an experiment, a run's folder or a model's file"),
    ],
)
def test_one_clear_error(arguments, message, capsys):
    assert command("evaluate", *arguments) == 2
    assert message in capsys.readouterr().err


def test_a_selection_without_val_is_an_error_that_names_the_key(capsys):
    assert command("train", "kept") == 2
    assert "kept: there is no val of pets to select by; set validation.holdout: 0.1" in capsys.readouterr().err


def test_several_runs_of_one_process_are_those_of_several(capsys: pytest.CaptureFixture[str]) -> None:
    """And one that fails keeps none of the others from being trained."""
    alone = set()
    for seed in (0, 1):
        shutil.rmtree(Path("results/runs"), ignore_errors=True)
        assert command("train", "x", "--seed", str(seed)) == 0
        alone |= {model.read_bytes() for model in Path("results/runs").glob("*/*/model.safetensors")}
    shutil.rmtree(Path("results/runs"))
    assert command("train", "x", "kept", "held", "--seeds") == 2
    assert "error: kept, seed 0: " in capsys.readouterr().err
    together = {model.read_bytes() for model in Path("results/runs").glob("*/*/model.safetensors")}
    assert len(alone) == 2 and alone <= together and len(together) == 3


CHAIN = (
    CONFIG.partition("experiments:")[0].replace("seeds: [0, 1]", "seeds: [0]")
    + """\
experiments:
  child: {pretrain: "experiment:parent", iterations: 1}
  parent: {seeds: [0, 1]}
  twin: {seeds: [1]}
  waits: {datasets: {other: 2}}
runtime: {workers: 0, gpus: 0}
results: {path: due}
"""
)


def test_all_that_is_due_parents_first(capsys: pytest.CaptureFixture[str]) -> None:
    """The bits of runs one by one; what is done is not done again, and what cannot be done yet is named."""
    Path("chain.yaml").write_text(CHAIN)

    def train(*arguments: str) -> int:
        return main(["train", *arguments, "--config", "chain.yaml"])

    assert main(["validate", "pets", "--config", "chain.yaml"]) == 0
    for name in ("parent", "child"):
        assert train(name) == 0
    alone = {model.read_bytes() for model in Path("due/runs").glob("*/*/model.safetensors")}
    shutil.rmtree("due/runs")
    capsys.readouterr()
    assert train("--due") == 1
    printed, left = capsys.readouterr()
    assert printed.startswith("4 runs are due, and 1 are left to snakemake\n")
    assert "left: waits, seed 0: pending (other must be validated first" in left
    together = {model.read_bytes() for model in Path("due/runs").glob("*/*/model.safetensors")}
    assert len(alone) == 2 and alone < together and len(together) == 3
    jobs = Jobs(load_config("chain.yaml"))
    known = [path for path in [*jobs.runs(), *jobs.evaluations()] if path.startswith("due/runs")]
    assert len(known) == 6 and all(Path(path).is_file() for path in known), "Snakemake asks for these"
    shutil.rmtree(Path(known[-1]).parent)  # an evaluation alone
    assert train("--due", "child", "parent", "twin") == 0
    assert capsys.readouterr().out.startswith("2 runs are due\n") and Path(known[-1]).is_file()
    assert train("--due", "parent") == 0
    assert capsys.readouterr().out == "0 runs are due\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-dn", "UCF101"), "-dn would do nothing: each that is due is an experiment of the configuration"),
        (("--identity", "0"), "--identity names one run, --due all that are due; give one of them"),
        (("parnt",), "unknown experiment 'parnt'; did you mean parent?"),
    ],
)
def test_what_is_due_is_the_configuration_s(arguments, message, capsys):
    Path("chain.yaml").write_text(CHAIN)
    assert main(["train", *arguments, "--due", "--config", "chain.yaml"]) == 2
    assert message in capsys.readouterr().err
