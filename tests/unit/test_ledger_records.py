"""What runs recorded of themselves: a damaged or half-written record costs its own experiment and nothing else."""

import json
from pathlib import Path

import pytest

from ivvit.identity.paths import Paths
from ivvit.ledger.acceptance import acceptances
from ivvit.ledger.holders import reached, resumes_at
from ivvit.ledger.past import linked_run, past_run
from ivvit.ledger.reasons import Reason, reasons
from ivvit.ledger.unfinished import unfinished

PARTS = {
    "spec": {"iterations": 2, "optimizer": {"a": {"lr": 0.1}, "b": {"lr": 0.1}}},
    "code": {},
    "data": {"a": {"train": "1"}},
    "classes": {"a": 2},
    "frames": {"a": "mjpeg-q3-256-00000000"},
    "weights": "0123456789",
}


def session(**values: object) -> dict:
    return {"started": "2026-01-01T00:00:00+00:00", "end": "killed", "message": "", "from_iteration": 0, **values}


def begun(folder: Path, **last: object) -> Path:
    folder.mkdir(parents=True)
    (folder / "provenance.json").write_text(json.dumps({"name": "x", "seed": 0, "sessions": [session(**last)]}))
    (folder / "history.csv").write_text("iteration,loss\n3,0.5\n")
    return folder


@pytest.mark.parametrize(
    ("last", "state", "text"),
    [
        ({}, "interrupted", "iteration 3 of 9; goes on from its checkpoint"),
        ({"end": "interrupted", "message": "Interrupted: time limit"}, "interrupted", "iteration 3 of 9; goes on"),
        ({"end": "failed", "message": "RuntimeError: out of memory"}, "failed", "RuntimeError: out of memory"),
    ],
)
def test_how_a_run_stands_is_what_it_recorded(last: dict, state: str, text: str, tmp_path: Path) -> None:
    found = unfinished(begun(tmp_path / "run", **last), 9)
    assert found is not None and found.state == state and found.why[0].text.startswith(text)


def test_a_failure_before_the_first_iteration(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    assert unfinished(folder, 9) is None
    folder.mkdir()
    assert unfinished(folder, 9) is None
    (folder / "failure.json").write_text('{"message": "error: no space left"}')
    found = unfinished(folder, 9)
    assert found is not None and (found.state, found.why[0].text) == ("failed", "error: no space left")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"sessions": []}'])
def test_half_written_records_are_as_none(content: str, tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    folder = paths.run("0" * 16, 0)
    folder.mkdir(parents=True)
    for name in ("provenance.json", "failure.json", "model.safetensors"):
        (folder / name).write_text(content)
    paths.accepted("1" * 16).parent.mkdir()
    paths.accepted("1" * 16).write_text(content)
    assert unfinished(folder, 9) is None and acceptances(paths) == {}
    run = past_run(folder)
    assert run is not None and (run.name, run.ended, run.parts, run.metrics()) == ("", "", {}, {})


def test_the_run_behind_the_links(tmp_path: Path) -> None:
    paths = Paths(tmp_path)
    folder = begun(paths.run("0" * 16, 3))
    (folder / "model.safetensors").write_text("")
    links = paths.links("x", 3)
    assert linked_run(paths, "x", 3) is None
    links.mkdir(parents=True)
    (links / "model.safetensors").symlink_to(f"../../../runs/{'0' * 16}/seed3/model.safetensors")
    run = linked_run(paths, "x", 3)
    assert run is not None and (run.identity, run.seed, run.name) == ("0" * 16, 3, "x")


def test_reasons_are_values_with_a_text() -> None:
    new = {
        **PARTS,
        "spec": {"iterations": 3, "optimizer": {"a": {"lr": 0.2}, "b": {"lr": 0.2}}},
        "data": {"a": {"train": "2", "val": "3"}},
        "classes": {"a": 3},
        "weights": None,
    }
    found = reasons(PARTS, new, lambda *_: "1 file changed")
    assert [(reason.kind, reason.subject, reason.text) for reason in found] == [
        ("spec", "iterations", "iterations: 2 -> 3"),
        ("spec", "optimizer.lr", "optimizer.lr: 0.1 -> 0.2"),
        ("data", "a", "a: 1 file changed"),
        ("data", "a (val)", "a (val): content changed"),
        ("classes", "a", "a: 2 -> 3 classes"),
        ("weights", "", "weights: 01234567 -> none"),
    ]
    assert reasons(PARTS, PARTS) == []
    assert Reason("study", "rate", detail="must be done first").text == "study rate must be done first"


def test_reasons_of_runs_of_an_earlier_version() -> None:
    """They had one digest for all splits, and another kind of digest for the frame store."""
    old = {**PARTS, "data": {"a": "1"}, "frames": {"a": "ab" * 32}}
    assert {reason.kind for reason in reasons(old, PARTS)} == {"data", "frames"}


def test_a_run_goes_on_from_its_checkpoint_and_not_from_its_last_row(tmp_path: Path) -> None:
    folder = begun(tmp_path / "run")
    assert (reached(folder), resumes_at(folder)) == (3, 0)
    (folder / "state").mkdir()
    for name in (f"{1:09d}-{'0' * 64}.ckpt", f"{2:09d}-{'f' * 64}.ckpt", ".000000003.ckpt.12345678.tmp", "3.ckpt"):
        (folder / "state" / name).touch()
    assert resumes_at(folder) == 2
