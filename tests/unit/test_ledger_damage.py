"""Finished results that were damaged are not fresh; half-written records and locks cost only what needs them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from data_sets import image_folder
from privileges import bound_by_permissions

from ivvit.cli import main
from ivvit.config import load_config
from ivvit.identity.paths import Paths
from ivvit.ledger.acceptance import acceptances
from ivvit.ledger.status import RunState, Status
from ivvit.planning.jobs import Jobs

CONFIG = """\
root_path: data
datasets:
  shades: {kind: image-folder, path: shades}
  others: {kind: image-folder, path: others}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 3
  precision: fp32
experiments:
  first: {datasets: {shades: 2}}
  second: {datasets: {others: 2}}
  child: {datasets: {others: 2}, pretrain: "experiment:first"}
runtime: {workers: 0, gpus: 0}
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose experiments `first` and `second` are trained."""
    folder = tmp_path_factory.mktemp("damage") / "project"
    image_folder(folder / "data/shades"), image_folder(folder / "data/others", train=5)
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["validate"]) == main(["train", "first"]) == main(["train", "second"]) == 0
    return folder


@pytest.fixture
def project(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(trained, tmp_path / "it", symlinks=True)
    monkeypatch.chdir(tmp_path / "it")
    return Path()


def states() -> dict[str, RunState]:
    return {row.experiment: row for row in Status(load_config()).runs()}


def folder_of(name: str) -> Path:
    return Path(f"results/experiments/{name}/seed0/provenance.json").resolve().parent


def evaluation_of(name: str) -> Path:
    return next(folder_of(name).glob("evaluations/*"))


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-7])


DAMAGE: dict[str, tuple[Callable[[], Path], Callable[[Path], object], str, str]] = {
    "a model cut": (lambda: folder_of("first") / "model.safetensors", cut, "damaged", "it is made again by the next"),
    "a history cut": (lambda: folder_of("first") / "history.csv", cut, "damaged", "put it back, or remove"),
    "a history gone": (lambda: folder_of("first") / "history.csv", Path.unlink, "damaged", "history.csv is missing"),
    "predictions cut": (lambda: evaluation_of("first") / "predictions.parquet", cut, "trained", "it is made again"),
    "numbers cut": (lambda: evaluation_of("first") / "metrics.json", cut, "trained", "bytes, "),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_what_is_damaged_is_not_fresh(what: str, project: Path) -> None:
    place, damage, state, text = DAMAGE[what]
    assert [row.state for row in states().values()][:2] == ["fresh", "fresh"]
    damage(place())
    found = states()
    assert (found["first"].state, found["second"].state) == (state, "fresh")
    assert place().name in found["first"].texts[0] and text in found["first"].texts[0]
    made_again = place().with_name("model.safetensors" if state == "damaged" else "metrics.json")
    expected = [] if "history" in what else [str(made_again.relative_to(Path.cwd()))]
    assert Jobs(load_config()).damaged() == expected
    assert main(["validate", "--results"]) == 1


def test_a_changed_digit_is_found_by_its_checksum(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["validate", "--results"]) == 0
    numbers = evaluation_of("second") / "metrics.json"
    text = numbers.read_text()
    numbers.write_text(text.replace('"seed": 0', '"seed": 1'))
    assert main(["validate", "--results"]) == 1
    told = capsys.readouterr().out
    assert "metrics.json is not what was written: its checksum differs" in told and "rm -r results/runs/" in told
    assert main(["train", "second"]) == 0  # it evaluates as well: what is used is looked at, and made again
    assert numbers.read_text() == text and main(["validate", "--results"]) == 0


def test_a_run_goes_on_with_its_whole_history_or_not_at_all(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_of("first")
    model, lines = (folder / "model.safetensors").read_bytes(), (folder / "history.csv").read_text().splitlines(True)
    (folder / "model.safetensors").unlink()
    for left in ([], lines[:1], lines[:2], [*lines[:2], *lines[3:]]):
        (folder / "history.csv").write_text("".join(left))
        assert main(["train", "first"]) == 2
        assert "lacks rows of iterations that are done" in capsys.readouterr().err
    (folder / "history.csv").write_text("".join(lines))
    assert main(["train", "first"]) == 0
    assert (folder / "model.safetensors").read_bytes() == model


def test_a_damaged_parent_is_not_used(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = folder_of("first") / "model.safetensors"
    content = bytearray(file.read_bytes())
    content[-3] ^= 1  # a bit of a tensor
    file.write_bytes(content)
    assert main(["train", "child"]) == 2
    assert f"{file.name} is damaged: its tensors are not those that were written" in capsys.readouterr().err
    config = Path("config/config.yaml")
    config.write_text(config.read_text().replace("first: {", "first: {iterations: 3, seeds: [0], accumulate: 2, "))
    assert main(["accept", "first", "--why", "x", "--anyway"]) == 2
    assert "a damaged run cannot be accepted" in capsys.readouterr().err


HALF: dict[str, Callable[[], Path]] = {
    "manifest": lambda: next(Path("results/manifests/shades").glob("*/manifest.json")),
    "provenance": lambda: folder_of("first") / "provenance.json",
    "checksums": lambda: folder_of("first") / "checksums.json",
}


@pytest.mark.parametrize(
    ("what", "content"),
    [*(("manifest", content) for content in (b"{", b"[1]", b"\xff\xfe", b'{"a": 1}')), ("provenance", b"[1]"),
     ("provenance", b'{"sessions": 3, "parts": 4}'), ("checksums", b"[1]"), ("checksums", b'{"a": 1}')],
)  # fmt: skip
def test_a_half_written_record_costs_its_own_experiment(what: str, content: bytes, project: Path) -> None:
    HALF[what]().write_bytes(content)
    found = states()
    assert found["second"].state == "fresh"
    Jobs(load_config()).damaged()
    if what == "manifest":
        assert found["first"].state == "pending" and "manifest.json is damaged" in found["first"].texts[0]
        assert len(Jobs(load_config()).damaged()) == 1
        assert main(["validate", "shades"]) == 0
    assert states()["first"].state == "fresh"


@pytest.mark.parametrize("kind", ["missing", "a link to itself", "a file", "unreadable"])
def test_a_missing_data_set_costs_its_own_experiments(kind: str, project: Path) -> None:
    place = Path("data/shades")
    shutil.rmtree(place)
    {"missing": lambda: None, "a link to itself": lambda: place.symlink_to("shades"),
     "a file": lambda: place.write_text("x"), "unreadable": lambda: place.mkdir(0)}[kind]()  # fmt: skip
    with bound_by_permissions():
        found = states()
    assert found["second"].state == "fresh" and found["first"].state == "pending"
    told = {"missing": "data/shades does not exist", "a link to itself": "Too many levels", "unreadable": "Permission"}
    assert told.get(kind, "shades") in found["first"].texts[0]


def test_an_acceptance_cut_anywhere_costs_nothing(project: Path) -> None:
    record = Path("results/accepted/0123456789abcdef.json")
    record.parent.mkdir()
    text = json.dumps({"experiment": "x", "identity": "y", "seeds": None, "who": "z", "when": "", "why": "",
                       "differences": []})  # fmt: skip
    for end in range(len(text) + 1):
        record.write_text(text[:end])
        assert acceptances(Paths(Path("results"))) == {}
    assert states()["second"].state == "fresh"
