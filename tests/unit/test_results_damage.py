"""Damaged files of finished runs: each names its run, and the others stay."""

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from made_results import make_run, seal_run

from ivvit.ground.errors import UserError
from ivvit.results.comparison import compare
from ivvit.results.draw.accuracies import comparison_drawing
from ivvit.results.draw.style import save, styled
from ivvit.results.parts import Parts
from ivvit.results.runs import RunRef
from ivvit.results.tables import read_tables, write_tables

Damage = Callable[[Path], object]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[RunRef]:
    root = tmp_path_factory.mktemp("made")
    return [make_run(root, name, 0, {"UCF101": top1}) for name, top1 in (("a", 0.6), ("b", 0.3))]


@pytest.fixture
def runs(made: list[RunRef], tmp_path: Path) -> list[RunRef]:
    """Two runs that may be damaged."""
    root = made[0].folder.parents[1]
    shutil.copytree(root, tmp_path, dirs_exist_ok=True)
    folders = [tmp_path / ref.folder.relative_to(root) for ref in made]
    return [replace(ref, folder=folder, evaluation=folder / "evaluations" / ref.evaluation.name)
            for ref, folder in zip(made, folders, strict=True)]  # fmt: skip


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


def flip(file: Path) -> None:
    """One bit, at an equal size; the date is a later one."""
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    written = file.stat().st_mtime_ns
    file.write_bytes(content)
    os.utime(file, ns=(written, written + 1))


def says(text: str) -> Damage:
    return lambda file: file.write_text(text)


SEALED: dict[str, Damage] = {"cut": cut, "flipped": flip, "gone": Path.unlink, "empty": says("")}
PLACES: dict[str, Callable[[RunRef], Path]] = {
    "predictions.parquet": lambda ref: ref.evaluation,
    "metrics.json": lambda ref: ref.evaluation,
    "experiment.yaml": lambda ref: ref.folder,
    "history.csv": lambda ref: ref.folder,
}


@pytest.mark.parametrize("warm", [False, True], ids=["the first time", "after tables were made"])
@pytest.mark.parametrize("name", PLACES)
@pytest.mark.parametrize("how", SEALED)
def test_what_is_not_as_written_names_its_run(
    how: str, name: str, warm: bool, runs: list[RunRef], tmp_path: Path
) -> None:
    seal_run(runs[0])
    parts = Parts(tmp_path / "parts", "code")
    if warm:
        assert not compare(runs, parts=parts).missing
    SEALED[how](PLACES[name](runs[0]) / name)
    missing = compare(runs, parts=parts).missing
    if (how, name) == ("gone", "metrics.json"):
        assert missing == {runs[0]: "not finished"}
    else:
        assert list(missing) == [runs[0]] and name in missing[runs[0]] and "again" in missing[runs[0]]


UNSEALED: dict[str, tuple[str, Damage, str]] = {
    "half a JSON": ("metrics.json", says('{"datasets": '), "metrics.json is damaged"),
    "another JSON": ("metrics.json", says("[1]"), "metrics.json is damaged"),
    "NaN": ("metrics.json", says('{"mean": NaN, "datasets": {}}'), "NaN is no number"),
    "no list of classes": ("metrics.json", says('{"datasets": {"UCF101": {"split": "test", "num_samples": 1, "top1": 1,'
                                                '"loss": 0, "per_class": 3}}}'), "datasets.UCF101.per_class"),
    "deep": ("metrics.json", says("[" * 100_000), "metrics.json is damaged"),
    "no table": ("predictions.parquet", says("PAR1 nothing"), "predictions.parquet is damaged"),
    "provenance gone": ("provenance.json", Path.unlink, "provenance.json is missing"),
    "numbers for sessions": ("provenance.json", says('{"sessions": 3, "parts": 4}'), "(sessions: "),
    "a word for data": ("experiment.yaml", says("data: {UCF101: x}"), "(data.UCF101: "),
}  # fmt: skip


@pytest.mark.parametrize("what", UNSEALED)
def test_without_checksums_what_cannot_be_names_its_run(what: str, runs: list[RunRef], tmp_path: Path) -> None:
    name, damage, text = UNSEALED[what]
    place = runs[0].folder if name in ("provenance.json", "experiment.yaml") else runs[0].evaluation
    damage(place / name)
    comparison = compare(runs)
    assert list(comparison.missing) == [runs[0]] and text in comparison.missing[runs[0]]
    write_tables(comparison, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out" / "comparison.csv").set_index("experiment")
    assert table.loc["a", "n"] == 0 and table.loc["b", "n"] == 1


def test_predictions_of_another_evaluation_are_noticed(runs: list[RunRef]) -> None:
    shutil.copy(runs[1].evaluation / "predictions.parquet", runs[0].evaluation / "predictions.parquet")
    assert "another top1" in compare(runs).missing[runs[0]]


@pytest.mark.parametrize("damage", [cut, flip, Path.unlink, says("")])
def test_a_damaged_part_is_made_again(damage: Damage, runs: list[RunRef], tmp_path: Path) -> None:
    def made(out: str) -> dict[str, bytes]:
        comparison, folder = compare(runs, parts=Parts(tmp_path / "parts", "code")), tmp_path / out
        assert not comparison.missing
        write_tables(comparison, folder)
        with styled():
            save(comparison_drawing(comparison), folder, comparison.parts)
        return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}

    before = made("before")
    parts = [file for file in (tmp_path / "parts").rglob("*") if file.is_file()]
    assert {part.parent.name for part in parts} == {"predictions", "samples", "pairs", "figures"}
    for part in parts:
        damage(part)
    assert made("after") == before


@pytest.mark.parametrize("text", ["", "[", "{}", "[3]", '[{"name": "x"}]'])
def test_damaged_texts_of_tables_are_one_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "tables.json").write_text(text)
    with pytest.raises(UserError, match=r"tables\.json is damaged .*`ivvit tables` writes it again"):
        read_tables(tmp_path)
    with pytest.raises(UserError, match=r"is not there yet; start `snakemake`"):
        read_tables(tmp_path / "nowhere")
