"""Tables of runs: numbers, gaps, marks, bytes, and texts that would do harm."""

import csv
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from made_results import SETS, MadeSet, make_run, vit_tensors

from ivvit.ground.errors import UserError
from ivvit.results.comparison import compare
from ivvit.results.cost import clip_gflops, image_gflops
from ivvit.results.draw.accuracies import comparison_drawing
from ivvit.results.references import Reference, read_references
from ivvit.results.runs import RunRef
from ivvit.results.tables import write_tables
from ivvit.results.terminal import format_tables

MSCA = {"model": {"name": "MSCA", "shift": "qk", "shift_heads": 1}}
BOTH = {"UCF101": 0.6, "CIFAR100": 0.3}


@pytest.fixture
def runs(tmp_path: Path) -> list[RunRef]:
    """`b` before `a`: the configuration's order; a seed of `a` is missing; `c_1` has one data set only."""
    return [
        make_run(tmp_path, "b", 0, BOTH),
        make_run(tmp_path, "b", 1, BOTH),
        make_run(tmp_path, "a", 0, {"UCF101": 0.6, "CIFAR100": 0.85}, specification=MSCA),
        make_run(tmp_path, "a", 1, {"UCF101": 0.6, "CIFAR100": 0.85}, specification=MSCA),
        RunRef("a", 2, tmp_path / "a" / "seed2", tmp_path / "a" / "seed2", missing="failed: out of memory"),
        make_run(tmp_path, "c_1", 0, {"UCF101": 0.9}, tuned="learning-rate"),
    ]


def written(refs: list[RunRef], out: Path, **options: object) -> Path:
    write_tables(compare(refs, **options), out)
    return out


def markdown_rows(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]


def test_numbers_agree_with_the_runs(runs: list[RunRef], tmp_path: Path) -> None:
    out = written(runs, tmp_path / "out", baseline="b")
    table = pd.read_csv(out / "comparison.csv").set_index("experiment")
    assert list(table.index) == ["b", "a", "c_1", "chance", "majority"]
    values = [json.loads((ref.evaluation / "metrics.json").read_text())["datasets"]["CIFAR100"] for ref in runs[:2]]
    mean = sum(value["top1"] for value in values) / 2
    assert table.loc["b", "CIFAR100_top1_mean"] == pytest.approx(mean)
    assert table.loc["b", "CIFAR100_top1_low"] < mean < table.loc["b", "CIFAR100_top1_high"]
    assert table.loc["b", "CIFAR100_mean_class_accuracy"] == pytest.approx(mean), "classes are of equal size"
    assert (out / "comparison.csv").read_text().splitlines()[1].startswith("b,experiment,IV-ViT,none,200,2,")
    assert table.loc["a", "n"] == 2 and str(table.loc["a", "missing"]) in ("2", "2.0")
    assert table.loc["a", "why_missing"] == "failed: out of memory"
    assert table.loc["a", "CIFAR100_difference_low"] > 0 > table.loc["a", "UCF101_difference_low"]
    assert pd.isna(table.loc["c_1", "all_top1_mean"]), "a mean over other data sets cannot be compared"
    assert pd.isna(table.loc["c_1", "UCF101_top1_std"]), "one seed has no deviation"
    assert table.loc["chance", "CIFAR100_top1_mean"] == pytest.approx(0.1)
    pairs = pd.read_csv(out / "pairs.csv")
    assert set(zip(pairs["first"], pairs["second"], strict=True)) == {("b", "a"), ("b", "c_1"), ("a", "c_1")}
    classes = pd.read_csv(out / "per_class" / "UCF101.csv")
    assert list(classes.columns) == ["class", "samples", "b", "a", "c_1"] and len(classes) == 8


def test_many_experiments_are_compared_and_drawn_with_the_best(tmp_path: Path) -> None:
    sets = {"CIFAR100": MadeSet(20, 4)}
    refs = [make_run(tmp_path, f"e{e}", 0, {"CIFAR100": 1.0 if e == 70 else 0.3}, sets) for e in range(101)]
    comparison = compare(refs, baseline="e5")
    write_tables(comparison, tmp_path / "out")
    pairs = pd.read_csv(tmp_path / "out" / "pairs.csv")
    found = set(zip(pairs["first"], pairs["second"], strict=True))
    others = [f"e{e}" for e in range(101) if e not in (5, 70)]
    assert {frozenset(pair) for pair in found} == {
        frozenset(pair) for pair in [*((name, to) for name in others for to in ("e5", "e70")), ("e5", "e70")]
    }
    assert ("e4", "e5") in found and ("e5", "e6") in found, "in the experiments' order"
    assert len(comparison.top()) == 100 and {"e5", "e70"} <= {row.experiment for row in comparison.top(2)}
    assert comparison_drawing(comparison).caption.endswith(" The best 100 of 101 experiments.")


def test_what_people_read(runs: list[RunRef], tmp_path: Path) -> None:
    text = (written(runs, tmp_path / "out", baseline="b") / "comparison.md").read_text()
    rows = markdown_rows(text)
    assert rows[0] == ["experiment", "model", "seeds", "CIFAR100", "UCF101", "mean"]
    assert rows[3][:3] == ["a", "MSCA (shift=qk)", "2 of 3"] and rows[4][0] == "c_1‡" and rows[4][3] == "–"
    assert re.fullmatch(r"\*\*\d+\.\d \[\d+\.\d, \d+\.\d\]↑\*\*", rows[3][3]), "best, and better than the baseline"
    assert rows[5][:1] == ["chance"] and rows[6][0] == "majority"
    assert "Top-1 accuracy in % on the test split, mean over seeds [95% interval over samples and seeds]." in text
    assert "Without a result: a seed 2 (failed: out of memory)." in text
    assert "tuned by a study: c_1 (learning-rate)" in text and "CIFAR100 200, UCF101 160 in 40 groups" in text
    assert "In all experiments: pretrain none, iterations 200." in text
    assert "## Difference to b" in text and "## Cost" in text


def test_the_terminal_shows_the_same_in_any_width(runs: list[RunRef], tmp_path: Path) -> None:
    out = written(runs, tmp_path / "out", baseline="b")
    best = markdown_rows((out / "comparison.md").read_text())[3][3].strip("*")
    value, low, high = map(re.escape, re.fullmatch(r"(\S+) \[(\S+), (\S+)\]↑", best).groups())
    forms = [rf"{value} \[{low}, {high}\]↑", rf"{value} \[{low},{high}\]↑", rf"{value}↑ .*\n.*\[{low}, {high}\]"]
    found = []
    for width in range(130, 50, -6):
        text = format_tables(out, width)
        found += [form for form in forms if re.search(form, text) and form not in found]
        assert "2 of 3" in text and "out of" in text and max(map(len, text.splitlines())) <= width
    assert found == forms, "each where the one before it is too wide"


def test_runs_say_where_they_come_from(runs: list[RunRef], tmp_path: Path) -> None:
    accepted = RunRef("c_1", 0, runs[5].folder, runs[5].evaluation, accepted="only comments changed")
    out = written([*runs[:5], accepted], tmp_path / "out")
    table = pd.read_csv(out / "runs.csv")
    assert list(table["finished"]) == [True] * 4 + [False, True]
    assert list(table.loc[0, ["identity", "commit", "starts"]]) == ["0123456789abcdef", "c0ffee", 2]
    assert table.loc[0, "version_drift"] == f"pandas 0.0.1 -> {pd.__version__}"
    assert (
        table.loc[5, "accepted"] == "only comments changed" and table.loc[4, "why_missing"] == "failed: out of memory"
    )
    assert "c_1§" in (out / "comparison.md").read_text()


def test_cost_is_named_by_device(runs: list[RunRef], tmp_path: Path) -> None:
    text = (written(runs, tmp_path / "out") / "comparison.md").read_text()
    assert "CPU x86_64, 2 cores" in text and "GPU hours" not in text
    table = pd.read_csv(tmp_path / "out" / "comparison.csv").set_index("experiment")
    assert table.loc["b", "parameters"] == sum(v.size for v in vit_tensors(32, 4, 2, classes=[10, 8]).values())
    assert table.loc["b", "training_hours"] == pytest.approx(200 / 1.25 / 3600)


def test_multiply_accumulates_of_known_models() -> None:
    base = {name: value.shape for name, value in vit_tensors(768, 16, 12, tokens=197).items()}
    assert image_gflops(base) == pytest.approx(17.58, rel=0.002)  # timm's benchmark: vit_base_patch16_224, 17.58 GMACs
    assert clip_gflops(base, 8) == pytest.approx(8 * 17.58, rel=0.002)
    tubelets = base | {"tubelet.weight": (768, 3, 2, 16, 16), "pos_embed_video": (1, 1569, 768)}
    assert clip_gflops(tubelets, 16) > 8 * image_gflops(base), "8 x 196 tokens attend to each other"
    assert image_gflops({}) is None


def test_joint_against_single(tmp_path: Path) -> None:
    """Found by what they are, not by their names; an experiment that differs in anything else is none."""
    other = {"num_frames": 4}
    runs = [make_run(tmp_path, "joint", seed, {"UCF101": 0.8, "CIFAR100": 0.5}) for seed in (0, 1)]
    runs += [make_run(tmp_path, "ucf alone", seed, {"UCF101": 0.5}) for seed in (0, 1)]
    runs += [make_run(tmp_path, "fewer frames", 0, {"UCF101": 0.5}, specification=other)]
    out = written(runs, tmp_path / "out")
    table = pd.read_csv(out / "joint_vs_single.csv")
    assert table[["joint", "single", "dataset"]].to_numpy().tolist() == [["joint", "ucf alone", "UCF101"]]
    assert table.loc[0, "low"] > 0.05 and table.loc[0, "p_holm"] < 0.05
    assert "ucf alone" in (out / "joint_vs_single.md").read_text()


def test_published_numbers_stand_below_with_their_source(runs: list[RunRef], tmp_path: Path) -> None:
    file = tmp_path / "references.yaml"
    file.write_text("- {name: Published, source: Table 3 of X, protocol: 30 views, top1: {UCF101: 93.1}}\n")
    out = written(runs, tmp_path / "out", references=read_references(file))
    text = (out / "comparison.md").read_text()
    assert "| Published† |" in text and "† Published: Table 3 of X (30 views)." in text and "93.1" in text
    table = pd.read_csv(out / "comparison.csv").set_index("experiment")
    assert table.loc["Published", "UCF101_top1_mean"] == pytest.approx(0.931)


BAD_REFERENCES = {
    "{}": "must be a list",
    "3": "must be a list",
    "- 3": "entry 1: must hold keys and values",
    "- {name: X, top1: {UCF101: 93}}": "entry 1.source: is required",
    "- {name: X, source: y, top1: {A: 1}}\n- {name: X, source: y, top1: {A: 931}}": "entry 2.top1.A: .*equal to 100",
    "- {name: X, source: y, top1: {UCF101: .nan}}": "top1.UCF101",
    "- {name: X, source: y, top1: {UCF101: true}}": "top1.UCF101: .*a valid number; found True",
    "- {name: X, source: y, topp1: {UCF101: 93}}": "topp1: .*did you mean top1",
    "- {name: X, source: y}": "has no numbers",
    "- {name: '', source: y, top1: {UCF101: 1}}": "name",
    "a: [": "cannot be read",
    "\0": "cannot be read",
    "[" * 3000: "cannot be read",
}


@pytest.mark.parametrize("text", BAD_REFERENCES)
def test_bad_references_are_one_clear_error(text: str, tmp_path: Path) -> None:
    file = tmp_path / "references.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=BAD_REFERENCES[text]) as error:
        read_references(file)
    assert str(error.value).startswith(str(file)) and len(str(error.value).splitlines()) == 1


def test_metric(runs: list[RunRef], tmp_path: Path) -> None:
    sets = {**SETS, "few": MadeSet(40, 3)}
    more = make_run(tmp_path, "d", 0, {"few": 0.5, "UCF101": 0.6}, sets)
    table = pd.read_csv(written([*runs, more], tmp_path / "out", metric="top5") / "comparison.csv")
    assert "UCF101_top5_mean" in table.columns and not any(column.startswith("few_top5_mean") for column in table)
    assert "Top-5 accuracy" in (tmp_path / "out" / "comparison.md").read_text()


def test_nothing_finished_is_no_crash(tmp_path: Path) -> None:
    runs = [RunRef("a", 0, tmp_path / "nowhere", tmp_path / "nowhere", missing="waits for UCF101")]
    out = written(runs, tmp_path / "out", baseline="a")
    assert "Without a result: a seed 0 (waits for UCF101)." in format_tables(out, 100)


def test_unknown_baseline(runs: list[RunRef]) -> None:
    with pytest.raises(UserError, match=r"results\.baseline: unknown experiment 'bb'"):
        compare(runs, baseline="bb")


def test_equal_runs_give_equal_bytes(runs: list[RunRef], tmp_path: Path) -> None:
    one, two = written(runs, tmp_path / "one", baseline="b"), written(runs, tmp_path / "two", baseline="b")
    files = [path.relative_to(one) for path in one.rglob("*") if path.is_file()]
    assert len(files) >= 11
    for file in files:
        assert (one / file).read_bytes() == (two / file).read_bytes(), file


SCRIPTS = "日本語 😀 αΩ ≤ ≈ «a» „b“ Łódź ąđŧĦ naïve ½ e\u0301 \u2009 ﬁ"
EVIL = '=HYPERLINK("http://x","y")\x1b[31m\u202e<script>alert(1)</script>|*_$\\&%#{}~^'


def test_texts_that_would_do_harm(runs: list[RunRef], tmp_path: Path) -> None:
    evil = [RunRef("a", 2, tmp_path, tmp_path / "nowhere", missing=EVIL), make_run(tmp_path, "=1+1", 0, BOTH)]
    evil.append(RunRef("b", 3, tmp_path, tmp_path / "nowhere", missing="\uff1d1+1"))
    references = [Reference(name=EVIL, source="@x\nhttp://y", top1={"UCF101": 50})]
    out = written([*runs, *evil], tmp_path / "out", baseline="b", references=references)
    for file in out.glob("*.csv"):
        for cell in (cell for row in csv.reader(file.open()) for cell in row):
            number = re.fullmatch(r"-?[\d.]+(e-?\d+)?", cell)
            assert number or not cell.startswith(("=", "+", "-", "@", "\uff1d")), (file, cell)
            assert "\x1b" not in cell and "\u202e" not in cell
    shown = format_tables(out, 200)
    assert "\x1b" not in shown and "\u202e" not in shown
    assert "<script" not in (out / "comparison.md").read_text()


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no pdflatex on this machine")
def test_latex_compiles(runs: list[RunRef], tmp_path: Path) -> None:
    references = [Reference(name=f"Müller & Co {SCRIPTS} {EVIL}", source="x", top1={"UCF101": 50})]
    single = make_run(tmp_path, "single", 0, {"UCF101": 0.5})
    out = written([*runs, single], tmp_path / "out", baseline="b", references=references)
    files = sorted(out.glob("*.tex"))
    assert {file.stem for file in files} >= {"comparison", "differences", "joint_vs_single", "further", "costs"}
    inputs = "\n\n".join(rf"\resizebox{{\textwidth}}{{!}}{{\input{{{file}}}}}" for file in files)
    head = r"\documentclass{article}\usepackage{booktabs,graphicx}\begin{document}"
    (tmp_path / "all.tex").write_text(f"{head}\n{inputs}\n\\end{{document}}\n")
    command = ["pdflatex", "-halt-on-error", "-interaction=nonstopmode", "all.tex"]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=600)
    assert ran.returncode == 0, ran.stdout.decode(errors="replace")[-2000:]


def test_latex_is_whole(runs: list[RunRef], tmp_path: Path) -> None:
    """What can be told without LaTeX: rules, and as many cells in each row as in the head."""
    text = (written(runs, tmp_path / "out") / "comparison.tex").read_text()
    rows = [line for line in text.splitlines() if line.endswith(r"\\")]
    assert {line.count(" & ") for line in rows} == {5} and len(rows) == 6
    assert text.count(r"\midrule") == 2 and r"\toprule" in text and r"\bottomrule" in text and r"c\_1" in text
    assert re.search(r"\\textbf\{\d+\.\d \[", text)


def test_no_torch() -> None:
    modules = ", ".join(f"ivvit.results.{name}" for name in ("tables", "figures", "terminal"))
    code = f"import sys, {modules}; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
