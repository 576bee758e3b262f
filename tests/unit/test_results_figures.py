"""Figures: those that there is something to see in, with what they show; equal bytes."""

import json
from pathlib import Path

import pytest
from made_results import make_run

from ivvit.results.comparison import Comparison, compare
from ivvit.results.figures import write_figures
from ivvit.results.runs import RunRef

BOTH = {"UCF101": 0.6, "CIFAR100": 0.3}


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    """Three seeds of one, one of another, and a single one."""
    runs = [make_run(tmp_path, "joint", seed, BOTH) for seed in range(3)]
    runs += [make_run(tmp_path, "single", 0, {"UCF101": 0.5}), make_run(tmp_path, "more frames", 0, BOTH)]
    return compare(runs, baseline="joint")


def drawn(comparison: Comparison, out: Path) -> dict[str, str]:
    """Name -> caption of the figures."""
    write_figures(comparison, out)
    index = json.loads((out / "figures.json").read_text())
    for entry in index:
        assert (out / f"{entry['name']}.png").stat().st_size > 3000 and entry["title"] and entry["caption"]
        assert (out / f"{entry['name']}.svg").read_text().startswith("<?xml")
    return {entry["name"]: entry["caption"] for entry in index}


def test_what_is_drawn(comparison: Comparison, tmp_path: Path) -> None:
    found = drawn(comparison, tmp_path / "out")
    assert {"comparison", "joint_vs_single", "learning_curves"} <= set(found)
    assert (
        "95% interval over samples and seeds" in found["comparison"] and "windows of 4 it" in found["learning_curves"]
    )


def test_equal_runs_give_equal_bytes(comparison: Comparison, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    drawn(comparison, one)
    drawn(comparison, two)
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes(), file.name


def test_figures_of_an_earlier_configuration_go(comparison: Comparison, tmp_path: Path) -> None:
    drawn(comparison, tmp_path / "out")
    (tmp_path / "out" / "old.svg").write_text("")
    assert drawn(compare([RunRef("a", 0, tmp_path / "x", tmp_path / "x")]), tmp_path / "out") == {}
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["figures.json"]
