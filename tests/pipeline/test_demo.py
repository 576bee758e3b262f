"""The default configuration from nothing to tables, as `make run` does it, and what is true of it afterwards."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas
import pytest
from workspace import PROJECT, Workspace

TEMPORAL = ("tokenshift", "msca", "polyvit", "tuned")


SHORT = {
    "iterations: 250": "iterations: 20", "warmup: 50": "warmup: 5", "iterations: 100": "iterations: 10",
    "n_trials: 6": "n_trials: 2",
}  # fmt: skip
"""All of the demo but for the time that learning takes."""


def make(folder: Path, changes: dict[str, str]) -> Workspace:
    folder.mkdir()
    for name in ("workflow", "ivvit", "config", "tools"):
        source = PROJECT / name
        (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
    workspace = Workspace(folder)
    for old, new in changes.items():
        workspace.edit("config/config.yaml", old, new)
    ran = workspace.python("tools/run.py")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (folder / "output.txt").write_text(ran.stdout + ran.stderr)
    return workspace


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return make(tmp_path_factory.mktemp("demo") / "project", SHORT)


@pytest.mark.slow
def test_all_models_learn_what_they_can(tmp_path: Path) -> None:
    table = pandas.read_csv(make(tmp_path / "project", {}) / "results/tables/comparison.csv", index_col="experiment")
    table = table[table["kind"] == "experiment"]
    assert set(table.index) == {"iv-vit", *TEMPORAL}
    for name in ("UCF101", "Kinetics200"):
        top1 = table[f"{name}_top1_mean"]
        assert 0.4 <= top1["iv-vit"] <= 0.6  # frames say nothing: chance
        assert (top1[list(TEMPORAL)] >= 0.9).all()
    assert (table["Tiny-ImageNet_top1_mean"] > 0.5).all()  # chance: 0.25
    assert (table["CIFAR100_top1_mean"] > 0.5).all()  # chance: 0.20


def test_the_terminal_ends_with_the_table_and_the_paths(demo: Workspace) -> None:
    text = (demo / "output.txt").read_text()
    end = text[text.rindex("Comparison\n") :]
    assert "tokenshift" in end and "results/tables" in end and "results/report.html" in end
    assert re.search(r"iv-vit: \d+/\d+ .*samples/s", text)  # progress with losses


def test_every_promised_file_is_there(demo: Workspace) -> None:
    run = demo / "results/experiments/msca/seed0"
    assert {
        "metrics.json",
        "predictions.parquet",
        "history.csv",
        "model.safetensors",
        "experiment.yaml",
        "provenance.json",
    } <= {path.name for path in run.iterdir()}
    provenance = json.loads((run / "provenance.json").read_text())
    assert provenance["identity"] == (run / "provenance.json").resolve().parents[1].name
    assert {"spec", "code", "data", "frames", "weights"} <= provenance["parts"].keys()
    for name in ("comparison.csv", "comparison.md", "comparison.tex", "runs.csv"):
        assert (demo / "results/tables" / name).stat().st_size > 100
    assert (demo / "results/figures/comparison.svg").read_text().startswith("<?xml")
    report = (demo / "results/report.html").read_text()
    assert "is best, with top-1" in report and "report-2.html" in report  # the tables in words, and the study


def test_the_studys_best_learning_rate_is_the_tuned_experiments(demo: Workspace) -> None:
    import yaml

    (best,) = (demo / "results/studies/learning-rate").glob("*/best-*.yaml")
    lr = yaml.safe_load(best.read_text())["parameters"]["optimizer.lr"]
    provenance = json.loads((demo / "results/experiments/tuned/seed0/provenance.json").read_text())
    assert {settings["lr"] for settings in provenance["parts"]["spec"]["optimizer"].values()} == {lr}


def test_a_second_run_does_nothing(demo: Workspace) -> None:
    ran = demo.python("tools/run.py")
    assert ran.returncode == 0
    assert "Nothing to be done" in ran.stdout + ran.stderr
    assert {row["state"] for row in demo.states().values()} == {"fresh"}


def test_the_contact_sheet_of_a_step(demo: Workspace, tmp_path: Path) -> None:
    sheet = tmp_path / "sheet.png"
    demo.ivvit("show", "msca", "--step", "3", "--dataset", "UCF101", "--out", str(sheet))
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_the_dry_run_on_slurm_works_in_a_fresh_clone(tmp_path: Path) -> None:
    if not (PROJECT / ".git").exists():
        pytest.skip("not a git checkout")
    pytest.importorskip("snakemake_executor_plugin_slurm")
    subprocess.run(["git", "clone", "-q", PROJECT, tmp_path / "clone"], check=True)
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "-n"]
    ran = subprocess.run(command, cwd=tmp_path / "clone", capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    text = ran.stdout + ran.stderr
    assert "demo" in text and "5 trainings" in text and "6 trials" in text  # also what the checks will make known
