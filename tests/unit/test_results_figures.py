"""Figures: those that there is something to see in, with what they show; equal bytes."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from made_results import MadeSet, make_run

from ivvit.results.comparison import Comparison, compare
from ivvit.results.draw.accuracies import comparison_drawing
from ivvit.results.draw.classes import class_drawings
from ivvit.results.draw.confusions import clustered, confusion_drawings, worst_pairs
from ivvit.results.draw.costs import cost_drawing, views_drawing
from ivvit.results.draw.curves import curves_drawing
from ivvit.results.draw.gradients import gradients_drawing
from ivvit.results.draw.style import save, short_names, styled
from ivvit.results.figures import drawings, write_figures
from ivvit.results.parts import Parts
from ivvit.results.runs import RunRef
from ivvit.results.tables import write_tables

BOTH = {"UCF101": 0.6, "CIFAR100": 0.3}


@pytest.fixture
def comparison(tmp_path: Path) -> Comparison:
    """Three seeds of one, one of another, and a single one."""
    runs = [make_run(tmp_path, "joint", seed, BOTH) for seed in range(3)]
    runs += [
        make_run(tmp_path, "single", 0, {"UCF101": 0.5}),
        make_run(tmp_path, "more frames", 0, {"UCF101": 0.5, "CIFAR100": 0.2}),
    ]
    return compare(runs, baseline="joint")


def drawn(comparison: Comparison, out: Path) -> dict[str, str]:
    """Name -> caption of the figures."""
    write_figures(comparison, out)
    index = json.loads((out / "figures.json").read_text())
    for entry in index:
        assert (out / f"{entry['name']}.png").stat().st_size > 3000 and entry["title"] and entry["caption"]
        assert (out / f"{entry['name']}.svg").read_text().startswith("<?xml")
    return {entry["name"]: entry["caption"] for entry in index}


def test_what_is_drawn_twice_in_equal_bytes(comparison: Comparison, tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    found = drawn(comparison, one)
    names = {"comparison", "joint_vs_single", "learning_curves", "reliability"}
    names |= {f"{kind}_{name}" for kind in ("classes", "confusion") for name in BOTH}
    assert set(found) == names
    assert "95% interval over samples and seeds" in found["comparison"]
    assert "windows of 4 iterations" in found["learning_curves"] and "3 seeds together" in found["confusion_CIFAR100"]
    drawn(comparison, two)
    for file in one.iterdir():
        assert file.read_bytes() == (two / file.name).read_bytes(), file.name
    assert drawn(compare([RunRef("a", 0, tmp_path, tmp_path)]), tmp_path / "three") == {}, "nothing is finished"


def test_other_evaluations_show_the_effect_of_views(comparison: Comparison) -> None:
    """They are those beside today's; nothing is trained or evaluated for it."""
    assert views_drawing(comparison) is None
    for ref in comparison.refs:
        other, damaged = ref.evaluation.with_name("ffff"), ref.evaluation.with_name("damaged")
        other.mkdir()
        damaged.mkdir()
        content = json.loads((ref.evaluation / "metrics.json").read_text())
        (other / "metrics.json").write_text(json.dumps({**content, "evaluation": {"clips": 10, "crops": 3}}))
        (damaged / "metrics.json").write_text("{")
    drawing = views_drawing(comparison)
    assert drawing is not None and "1 x 1, 10 x 3" in drawing.caption


def test_gradients_are_drawn_where_runs_have_them(comparison: Comparison) -> None:
    assert gradients_drawing(comparison) is None
    rows = "".join(f"{i},UCF101,CIFAR100,{0.5 / i}\n" for i in range(1, 20))
    (comparison.refs[0].folder / "gradients.csv").write_text(f"iteration,first,second,cosine\n{rows}")
    drawing = gradients_drawing(comparison)
    assert drawing is not None and [axis.get_title() for axis in drawing.paint().axes] == ["joint"]


def test_the_metric_reaches_the_figures(comparison: Comparison) -> None:
    found = compare(comparison.refs, metric="top5")
    for draw in (comparison_drawing, curves_drawing):
        labels = {label for axis in draw(found).paint().axes for label in (axis.get_xlabel(), axis.get_ylabel())}
        assert any("top-5 (%)" in label for label in labels) and not any("top-1" in label for label in labels)
    _, (panel, *_), *_ = comparison_drawing(found).paint.args
    single = panel.dots[-1]
    assert panel.title == "CIFAR100" and single.value - single.low == pytest.approx(2), "made_results' top-5 interval"


class Odd(MadeSet):
    """Classes whose names are formulas, for matplotlib and for spreadsheets."""

    def names(self) -> list[str]:
        return [r"$\frac{$", "a$b$c\x1b[31m", "=1+1", "日本語\u202e"][: self.classes]


@pytest.mark.filterwarnings("error")
def test_names_of_classes_are_shown_as_they_are(tmp_path: Path) -> None:
    refs = [make_run(tmp_path, name, 0, {"odd": top1}, {"odd": Odd(80, 4)}) for name, top1 in (("a", 0.3), ("b", 0.9))]
    comparison = compare(refs)
    for drawing in [*confusion_drawings(comparison), *class_drawings(comparison)]:
        save(drawing, tmp_path, comparison.parts)
        shown = [label.get_text() for label in drawing.paint().axes[0].get_yticklabels()]
        assert r"\$\frac{\$" in shown and not any("\x1b" in text or "\u202e" in text for text in shown)


def test_confusions_by_hand() -> None:
    counts = np.array([[5, 0, 4], [0, 9, 0], [3, 1, 5]])
    assert worst_pairs(["a", "b", "c"], counts, 2) == [("a", "c", 4, 9), ("c", "a", 3, 9)]
    order = clustered(counts).tolist()
    assert abs(order.index(0) - order.index(2)) == 1, "what is taken for each other stands side by side"


def test_one_more_seed_reads_and_draws_only_what_is_new(tmp_path: Path) -> None:
    """The predictions of the others say nothing, at an equal size and date: who reads them again finds that. The tables
    are those of all anew."""
    accuracies = {"a": BOTH, "b": {"UCF101": 0.5, "CIFAR100": 0.4}, "c": {"UCF101": 0.4}}
    refs = [make_run(tmp_path, name, seed, top1) for name, top1 in accuracies.items() for seed in (0, 1)]

    def made(refs: list[RunRef], out: str, parts: Parts, figures: bool = True) -> dict[str, bytes]:
        comparison, folder = compare(refs, baseline="a", parts=parts), tmp_path / out
        assert not comparison.missing
        write_tables(comparison, folder)
        found = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
        if figures:
            write_figures(comparison, folder)
        parts.drop_unused()
        return found

    def kept(kind: str) -> set[str]:
        return {file.name for file in (tmp_path / "parts" / kind).iterdir()}

    anew = made(refs, "anew", Parts(), figures=False)
    made(refs[:-1], "before", Parts(tmp_path / "parts", "code"))
    figures, predictions = kept("figures"), kept("predictions")
    for ref in refs[:-1]:
        file = ref.evaluation / "predictions.parquet"
        state = file.stat()
        file.write_bytes(bytes(state.st_size))
        os.utime(file, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert made(refs, "more", Parts(tmp_path / "parts", "code")) == anew
    assert len(predictions) == 5 and predictions < kept("predictions") and len(kept("predictions")) == 6
    drawn_again = len(kept("figures") - figures)
    assert 2 <= drawn_again < len(figures) / 2, "CIFAR100's pictures stay, for c does not know it"
    assert len(kept("figures")) == len([*(tmp_path / "more").glob("*.svg"), *(tmp_path / "more").glob("*.png")])
    assert compare(refs, parts=Parts(tmp_path / "parts", "other code")).missing, "what other code made is not taken"


ODD = {
    "one class": ({"X": 1.0}, {"X": MadeSet(20, 1)}),
    "classes without samples": ({"X": 0.5}, {"X": MadeSet(60, 10, empty=3)}),
    "a thousand classes": ({"X": 0.5}, {"X": MadeSet(1200, 1000)}),
    "all wrong": ({"X": 0.0}, {"X": MadeSet(40, 4)}),
    "one sample": ({"X": 1.0}, {"X": MadeSet(1, 3, empty=2)}),
}


@pytest.mark.parametrize("metric", ["top1", "top5"])
@pytest.mark.parametrize("what", ODD)
@pytest.mark.filterwarnings("error")
def test_odd_results_have_tables_and_figures(what: str, metric: str, tmp_path: Path) -> None:
    """No data set has the metric, or it has hardly anything to draw: no figure with nothing in it was a crash."""
    accuracies, sets = ODD[what]
    refs = [make_run(tmp_path, name, 0, accuracies, sets) for name in "ab"]
    (refs[0].folder / "history.csv").unlink()
    comparison = compare(refs, metric=metric, baseline="a")
    write_tables(comparison, tmp_path / "out")
    found = {drawing.name: drawing.paint() for drawing in drawings(comparison)}
    assert ("comparison" in found) == bool(comparison.columns) and "confusion_X" in found
    assert all(np.isfinite(axis.dataLim.get_points()).all() for axis in found["confusion_X"].axes if axis.images)


def test_experiments_of_equal_cost_stand_side_by_side(tmp_path: Path) -> None:
    runs = [make_run(tmp_path, name, 0, BOTH) for name in ("a", "b", "c")]
    slower = runs[2].folder / "provenance.json"
    slower.write_text(slower.read_text().replace('"iterations_per_second": 1.25', '"iterations_per_second": 1.0'))
    drawing = cost_drawing(compare(runs))
    assert drawing is not None
    figure = drawing.paint()
    figure.draw_without_rendering()
    lines = [line for line in figure.axes[0].lines if line.get_marker() != "None"]
    shown = [line.get_transform().transform(line.get_xydata())[0, 0] for line in lines]
    assert lines[0].get_xdata()[0] == lines[1].get_xdata()[0] != lines[2].get_xdata()[0]
    assert shown[1] - shown[0] > 5
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert sorted(labels) == ["a", "b", "c"]


def test_long_names_are_short_and_stay_different() -> None:
    grid = [f"a-grid-over-many-things.model=TokenShift.lr={lr}.batch={batch}.frames=16.clips=10.crops=3"
            for lr in (0.1, 0.01) for batch in (8, 16)]  # fmt: skip
    found = short_names(["short", *grid])
    assert found["short"] == "short" and len(set(found.values())) == 5
    assert all(len(text) <= 40 for text in found.values()) and "lr=0.1.batch=8" in found[grid[0]]
    middles = [f"{'a' * 40}{number}{'b' * 40}c" for number in ("xx1", "xy1")] + ["z" * 80]
    assert len(set(short_names(middles).values())) == 3


def test_a_legend_fits_the_page(tmp_path: Path) -> None:
    names = [f"{letter * 45}.lr=0.{number}" for letter in "ab" for number in range(3)]
    drawing = curves_drawing(compare([make_run(tmp_path, name, 0, {"UCF101": 0.5}) for name in names]))
    assert drawing is not None
    with styled():
        figure = drawing.paint()
        figure.draw_without_rendering()
    (legend,) = figure.legends
    extent = legend.get_window_extent()
    assert extent.x0 >= 0 and extent.x1 <= figure.bbox.width
    places = {text.get_text(): text.get_window_extent() for text in legend.get_texts()}
    read = sorted(places, key=lambda text: (-round(places[text].y0), places[text].x0))
    assert read == list(short_names(names).values())
