"""Whatever is in a configuration, a list, a manifest or a lock: it is right, or there is one UserError; never another.

The fast tests run the same few examples each time; `make test-all` runs many, new ones each time.
"""

import json
import os
import string
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import yaml
from data_sets import image, options
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ivvit.config import load_config
from ivvit.config.experiment import ExperimentFields
from ivvit.config.files import read_assignment, read_yaml
from ivvit.config.root import ConfigFile
from ivvit.data.layouts import list_samples
from ivvit.data.manifest import load_manifest
from ivvit.data.validation import validate
from ivvit.ground.errors import UserError
from ivvit.ground.holder import holder
from ivvit.ground.seal import altered, resized, seal
from ivvit.identity.fingerprint import fingerprint
from ivvit.identity.locks import Locks, Pending
from ivvit.identity.paths import Paths
from ivvit.ledger.acceptance import acceptances
from ivvit.ledger.unfinished import unfinished
from ivvit.weights import load_converted

_SAME = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
FEW = settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=_SAME)
MANY = settings(max_examples=1500, deadline=None, database=None, suppress_health_check=_SAME)


def fuzzed(*strategies: st.SearchStrategy) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """A test on few examples; and the same as a slow one on many, under its name with `_at_length`."""

    def make(test: Callable[..., None]) -> Callable[..., None]:
        # pytest's fixtures come first, hypothesis fills the last arguments
        at_length = pytest.mark.slow(MANY(given(*strategies)(_copy(test))))
        test.__globals__[f"{test.__name__}_at_length"] = at_length
        return FEW(given(*strategies)(test))

    return make


def _copy(test: Callable[..., None]) -> Callable[..., None]:
    from types import FunctionType

    copy = FunctionType(test.__code__, test.__globals__, f"{test.__name__}_at_length", test.__defaults__)
    copy.__annotations__, copy.__kwdefaults__ = test.__annotations__, test.__kwdefaults__
    return copy


# --- configuration files

WORDS = st.sampled_from([
    "images", "IV-ViT", "MSCA", "polyvit", "CIFAR100", "UCF101", "own", "none", "weights", "each", "default", "all",
    "a", "experiment:a", "experiment:b", "file:x", "timm:y", "vit_tiny_patch16_224", "cosine", "SGD", "rate", "~nobody",
    "..", "", " ", "\0", "{x}", "\ud83d\ude00", "1e5", "no", "2020-01-01", "x" * 200,
])  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), WORDS, st.text(string.printable, max_size=12)
)
FIELDS = st.sampled_from([*ExperimentFields.model_fields, "extends", "from_study", "runtime", "seeds", "extra"])
KEYS = st.one_of(
    FIELDS, WORDS, st.sampled_from(["name", "args", "lr", "share", "low", "high", "choices", "when", "path"])
)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=8
)
DOTTED = st.one_of(FIELDS, st.tuples(FIELDS, KEYS).map(".".join), st.tuples(FIELDS, KEYS, KEYS).map(".".join))
ENTRY = st.dictionaries(FIELDS, VALUES, max_size=4) | VALUES
SOUND: dict[str, Any] = {"model": "MSCA", "backbone": "vit_tiny_patch16_224", "datasets": {"CIFAR100": 2}}
EXPERIMENTS = st.dictionaries(st.sampled_from(["a", "b", "c"]) | KEYS, ENTRY.map(
    lambda entry: {**SOUND, **entry} if isinstance(entry, dict) else entry), max_size=3)  # fmt: skip
GRIDS = st.dictionaries(WORDS, VALUES | st.fixed_dictionaries({
    "extends": WORDS, "over": st.dictionaries(DOTTED, VALUES, max_size=2)}), max_size=2)  # fmt: skip
STUDIES = st.dictionaries(WORDS, VALUES | st.fixed_dictionaries({
    "base": WORDS, "n_trials": SCALARS, "space": st.dictionaries(DOTTED, VALUES, max_size=2)}), max_size=2)  # fmt: skip
CONFIGS = st.fixed_dictionaries({}, optional={
    **dict.fromkeys(ConfigFile.model_fields, VALUES), "experiments": EXPERIMENTS | VALUES, "defaults": ENTRY,
    "grids": GRIDS | VALUES, "studies": STUDIES | VALUES, "own": VALUES})  # fmt: skip


@fuzzed(CONFIGS)
def test_configurations(tmp_path: Path, config: dict[str, Any]) -> None:
    path = tmp_path / "c.yaml"
    path.write_text(yaml.safe_dump(config, allow_unicode=True), encoding="utf-8", errors="replace")
    try:
        load_config(path)
    except UserError as error:
        assert str(error).strip()


@fuzzed(st.text(max_size=60) | st.text("{}[]&*!|>%@`'\"#:-,?<= \n\tab1.~", max_size=40))
def test_yaml(tmp_path: Path, text: str) -> None:
    (tmp_path / "c.yaml").write_text(text, encoding="utf-8", errors="replace")
    for read in (lambda: read_yaml(tmp_path / "c.yaml"), lambda: read_assignment(text, "--set")):
        try:
            read()
        except UserError as error:
            assert str(error).strip()


@fuzzed(st.binary(max_size=80))
def test_bytes_as_a_configuration(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "c.yaml").write_bytes(content)
    try:
        load_config(tmp_path / "c.yaml")
    except UserError as error:
        assert "c.yaml" in str(error)


# --- list files

CELLS = st.sampled_from([
    "a.png", "b c.png", "gone.png", "x", "y", "0", "1", "7000", "train", "val", "test", "dev", "", '"', "path", "label",
    "split", "\ufeff", "\0", "..", "/etc/passwd", "caf\u00e9.png", "\u2028",
])  # fmt: skip
LINES = st.lists(
    st.tuples(st.lists(CELLS, max_size=5), st.sampled_from(",\t; ")).map(lambda t: t[1].join(t[0])), max_size=6
)


@fuzzed(LINES.map("\n".join) | st.text(max_size=60))
def test_lists(tmp_path: Path, text: str) -> None:
    image(tmp_path / "a.png", 1), image(tmp_path / "b c.png", 2)
    (tmp_path / "list.csv").write_bytes(text.encode(errors="surrogatepass"))
    chosen = options(kind="list-file", media="image", path="list.csv")
    assert fingerprint(chosen, tmp_path)
    try:
        found = list_samples("D", chosen, tmp_path)
    except UserError as error:
        assert "D: " in str(error)
    else:
        assert all(0 <= sample.label < len(found.classes) for sample in found.samples)


# --- manifests and locks, cut anywhere or with one byte changed

PLACES = st.tuples(st.floats(0, 1), st.integers(0, 255), st.booleans())


def spoil(file: Path, place: tuple[float, int, bool]) -> bytes:
    """Cut a file, or change a byte of it; gives what it was."""
    share, byte, cut = place
    content = file.read_bytes()
    at = min(int(len(content) * share), len(content) - 1)
    file.write_bytes(content[:at] if cut else content[:at] + bytes([byte]) + content[at + 1 :])
    return content


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("fuzzed") / "weights/x"
    for split, number in (("train", 1), ("test", 2)):
        image(root / f"D/{split}/c0/{number}.png", number)
    validate("D", options(kind="image-folder", path="D"), root, root / "manifest.json")
    return root / "manifest.json"


@fuzzed(PLACES)
def test_manifests(manifest: Path, place: tuple[float, int, bool]) -> None:
    for file in (manifest, manifest.with_suffix(".arrow")):
        before = spoil(file, place)
        try:
            Locks().read(manifest)
        except Pending:
            assert Locks().damage(manifest)
        try:
            load_manifest(manifest)
        except UserError as error:
            assert "manifest" in str(error)
        finally:
            file.write_bytes(before)


MOMENTS = count(1)


@fuzzed(st.floats(0, 1), st.integers(1, 255))
def test_a_changed_byte_of_a_manifest_table_is_noticed(manifest: Path, share: float, change: int) -> None:
    table = manifest.with_suffix(".arrow")
    before = table.read_bytes()
    content = bytearray(before)
    content[min(int(len(before) * share), len(before) - 1)] ^= change
    table.write_bytes(content)
    now = next(MOMENTS)
    os.utime(table, ns=(now, now))  # else two versions within a tick of the clock have one time
    try:
        with pytest.raises(UserError):
            load_manifest(manifest).check()
    finally:
        table.write_bytes(before)


RECORDS: dict[str, Any] = {
    "results/runs/0/seed0/state/lock": {"host": "h", "pid": 1, "started": "1", "machine": "m", "token": "t",
                                        "since": 1.5},
    "results/runs/0/seed0/provenance.json": {"name": "x", "seed": 0, "sessions": [
        {"started": "2026-01-01T00:00:00+00:00", "ended": None, "end": "failed", "message": "m", "from_iteration": 0}]},
    "results/runs/0/seed0/failure.json": {"message": "error: x"},
    "results/accepted/0.json": {"experiment": "x", "identity": "0", "seeds": {"0": "1"}, "who": "w", "when": "2026",
                                "why": "y", "differences": []},
    "results/weights/w/0.json": {"name": "w", "sha256": "0" * 64, "path": "x", "format": 1},
    "results/studies/s/0/best-3.json": {"parameters": {"optimizer.lr": 1e-3}},
}  # fmt: skip


@fuzzed(PLACES, st.sampled_from(list(RECORDS)))
def test_records(tmp_path: Path, place: tuple[float, int, bool], name: str) -> None:
    file, run = tmp_path / name, tmp_path / "results/runs/0/seed0"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(RECORDS[name]))
    (run / "state").mkdir(parents=True, exist_ok=True)
    seal(file.parent, [file.name], {})
    spoil(file, place)
    unfinished(run, 9), holder(run / "state/lock"), acceptances(Paths(tmp_path / "results"))
    resized(file.parent), altered(file.parent)
    if "weights" in name:
        with pytest.raises(UserError):
            load_converted(file, tmp_path)
    try:
        Locks().read(file)
    except Pending:
        assert Locks().damage(file)
    file.unlink()
