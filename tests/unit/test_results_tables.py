"""Tables and figures of runs: numbers, gaps, bytes."""

import json
import subprocess
import sys
from math import atan, pi
from pathlib import Path

import pandas as pd
import pytest
import yaml

from ivvit.ground.errors import UserError
from ivvit.results.figures import write_figure
from ivvit.results.runs import RunRef
from ivvit.results.tables import write_tables
from ivvit.results.terminal import format_table


def make_run(root: Path, name: str, seed: int, top1: dict[str, float], model: dict | None = None) -> RunRef:
    """A finished run with these accuracies."""
    folder = root / name / f"seed{seed}"
    folder.mkdir(parents=True)
    datasets = {
        dataset: {"top1": value, "top5": 0.9, "loss": 1.5, "num_samples": 40, "per_class": [value] * 4}
        for dataset, value in top1.items()
    }
    specification = {"model": model or {"name": "IV-ViT"}, "pretrain": "none", "iterations": 8}
    provenance = {"identity": "0123456789abcdef", "git": {"commit": "c0ffee", "dirty": False},
                  "versions": {"pandas": "0.0.1", "pyyaml": None}, "sessions": [{}, {}]}  # fmt: skip
    rows = [f"{i},train,{d},{2 - i / 10},0.5,0.5,0.1,1" for i in range(1, 9) for d in top1]
    rows += [f"{i},val,{d},1,{v},1,," for i in (4, 8) for d, v in top1.items()]
    (folder / "metrics.json").write_text(json.dumps({"datasets": datasets}))
    (folder / "experiment.yaml").write_text(yaml.safe_dump(specification))
    (folder / "provenance.json").write_text(json.dumps(provenance))
    (folder / "history.csv").write_text("\n".join(["iteration,phase,dataset,loss,top1,top5,lr,weight", *rows]) + "\n")
    return RunRef(name, seed, folder, folder)


MSCA = {"name": "MSCA", "shift": "qk", "shift_heads": 1}


@pytest.fixture
def runs(tmp_path: Path) -> list[RunRef]:
    """`b` before `a`: the configuration's order; a seed of `a` is missing; `c_1` has one data set only."""
    return [
        make_run(tmp_path, "b", 0, {"UCF101": 0.5, "CIFAR100": 0.2}),
        make_run(tmp_path, "b", 1, {"UCF101": 0.7, "CIFAR100": 0.4}),
        make_run(tmp_path, "a", 0, {"UCF101": 0.55, "CIFAR100": 0.8}, MSCA),
        make_run(tmp_path, "a", 1, {"UCF101": 0.65, "CIFAR100": 0.9}, MSCA),
        RunRef("a", 2, tmp_path / "a" / "seed2", tmp_path / "a" / "seed2"),
        make_run(tmp_path, "c_1", 0, {"UCF101": 0.9}),
    ]  # fmt: skip


def test_numbers_by_hand(runs: list[RunRef], tmp_path: Path) -> None:
    write_tables(runs, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/comparison.csv").set_index("experiment")
    assert list(table.index) == ["b", "a", "c_1"]
    assert table.loc["b", "UCF101_top1_mean"] == pytest.approx(0.6)
    assert table.loc["b", "UCF101_top1_std"] == pytest.approx(0.02**0.5)  # sample deviation of 0.5 and 0.7
    assert table.loc["b", "all_top1_mean"] == pytest.approx(0.45)
    assert table.loc["b", "all_top1_std"] == pytest.approx(0.02**0.5)  # of 0.35 and 0.55
    assert table.loc["a", "n"] == 2 and str(table.loc["a", "missing"]) in ("2", "2.0")
    assert table.loc["a", "model"] == "MSCA (shift=qk)"
    assert pd.isna(table.loc["c_1", "all_top1_mean"]), "a mean over other data sets cannot be compared"
    assert pd.isna(table.loc["c_1", "UCF101_top1_std"]), "one seed has no deviation"


def test_what_people_read(runs: list[RunRef], tmp_path: Path) -> None:
    write_tables(runs, tmp_path, names={"b": "Base & co"})
    text = (tmp_path / "comparison.md").read_text()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    assert rows[0] == ["experiment", "model", "pretrain", "iterations", "seeds", "CIFAR100", "UCF101", "mean"]
    assert rows[2] == ["Base & co", "IV-ViT", "none", "8", "2", "30.0 ± 14.1", "60.0 ± 14.1", "45.0 ± 14.1"]
    assert rows[3][4:] == ["2 of 3", "**85.0 ± 7.1**", "60.0 ± 7.1", "**72.5 ± 7.1**"]
    assert rows[4][5:] == ["–", "**90.0**", "–"]
    assert "Without a result yet: a seed 2." in text
    tex = (tmp_path / "comparison.tex").read_text()
    assert r"Base \& co & IV-ViT" in tex and r"\textbf{85.0 $\pm$ 7.1}" in tex and r"c\_1" in tex
    shown = format_table(tmp_path / "comparison.csv")
    assert "85.0 ± 7.1" in shown and "2 of 3" in shown and "a seed 2" in shown


def test_origins_and_pairs(runs: list[RunRef], tmp_path: Path) -> None:
    accepted = RunRef("c_1", 0, runs[5].folder, runs[5].folder, accepted="only comments changed")
    write_tables([*runs[:5], accepted], tmp_path)
    table = pd.read_csv(tmp_path / "runs.csv")
    assert list(table["finished"]) == [True] * 4 + [False, True]
    assert list(table.loc[0, ["identity", "commit", "starts", "CIFAR100_top1"]]) == [
        "0123456789abcdef",
        "c0ffee",
        2,
        0.2,
    ]
    assert table.loc[0, "version_drift"] == f"pandas 0.0.1 -> {pd.__version__}"
    assert table.loc[5, "accepted"] == "only comments changed"
    pairs = pd.read_csv(tmp_path / "pairs.csv")
    assert list(pairs[["first", "second", "seeds"]].iloc[0]) == ["b", "a", 2] and len(pairs) == 1
    assert pairs.loc[0, "difference"] == pytest.approx(0.45 - 0.725)
    assert pairs.loc[0, "p"] == pytest.approx(2 * atan(1 / 5.5) / pi)  # t = -5.5, one degree of freedom


def test_equal_runs_give_equal_bytes(runs: list[RunRef], tmp_path: Path) -> None:
    for out in (tmp_path / "one", tmp_path / "two"):
        write_tables(runs, out)
        write_figure(runs, out)
    names = {path.name for path in (tmp_path / "one").iterdir()}
    assert names == {f"comparison.{s}" for s in ("csv", "md", "tex", "png", "svg")} | {
        "runs.csv", "pairs.csv", "learning_curves.png", "learning_curves.svg"
    }  # fmt: skip
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_nothing_finished_is_no_crash(tmp_path: Path) -> None:
    runs = [RunRef("a", 0, tmp_path / "nowhere", tmp_path / "nowhere")]
    write_tables(runs, tmp_path)
    write_figure(runs, tmp_path)
    assert "Without a result yet: a seed 0." in format_table(tmp_path / "comparison.csv")


def test_damaged_run_is_named(runs: list[RunRef], tmp_path: Path) -> None:
    (runs[0].folder / "metrics.json").write_text('{"datasets": ')
    with pytest.raises(UserError, match=r"metrics\.json is damaged"):
        write_tables(runs, tmp_path)


def test_no_torch() -> None:
    modules = ", ".join(f"ivvit.results.{name}" for name in ("tables", "figures", "terminal"))
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
