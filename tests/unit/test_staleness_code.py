"""The digest of code: what changes it, what does not, and which modules it is made of."""

import os
from pathlib import Path

import pytest

from ivvit.ground.errors import UserError
from ivvit.identity.closure import Code
from ivvit.identity.entries import EXTRACTION, NUMERICS, TRAINING, VALIDATION, WITHIN_EXTRACTION, WITHIN_VALIDATION
from ivvit.identity.models import model_modules
from ivvit.identity.syntax import definitions, parse
from ivvit.ledger.reasons import reasons

SOURCE = '''"""A module."""

import math


def area(r: float) -> float:
    """The area."""
    return math.pi * r**2  # of a disc


class Disc:
    """A disc."""

    radius = 1.0
'''
MODELS = model_modules().values()
SAME = {
    "comment": SOURCE.replace("  # of a disc", "  # a remark"),
    "docstring": SOURCE.replace("The area.", "What it covers."),
    "no docstrings": SOURCE.replace('    """The area."""\n', "").replace('    """A disc."""\n\n', ""),
    "layout": SOURCE.replace("math.pi * r**2", "(\n        math.pi\n        * r ** 2\n    )"),
    "quotes and lines": "\n\n" + SOURCE.replace("\n\n\n", "\n\n\n\n"),
}
CHANGED = {
    "number": ("r**2", "r**3", "area"),
    "attribute": ("radius = 1.0", "radius = 2.0", "Disc"),
    "import": ("import math", "import cmath as math", ""),
    "annotation": ("r: float", "r: int", "area"),
}


def digests(tmp_path: Path, text: str) -> dict[str, str]:
    (tmp_path / "module.py").write_text(text)
    return definitions(parse(tmp_path / "module.py"))


@pytest.mark.parametrize("name", SAME)
def test_what_cannot_change_a_number_changes_no_digest(name: str, tmp_path: Path) -> None:
    assert SAME[name] != SOURCE
    assert digests(tmp_path, SAME[name]) == digests(tmp_path, SOURCE)


@pytest.mark.parametrize("name", CHANGED)
def test_what_may_change_a_number_changes_its_definition_alone(name: str, tmp_path: Path) -> None:
    old, new, definition = CHANGED[name]
    before, after = digests(tmp_path, SOURCE), digests(tmp_path, SOURCE.replace(old, new))
    assert {key for key in before if before[key] != after[key]} == {definition}


def test_the_closure_of_training_has_what_computes_and_nothing_else() -> None:
    modules = set(Code().modules(TRAINING, NUMERICS))
    assert {
        "numerics/trainer.py",
        "numerics/transforms.py",
        "numerics/models/registry.py",
        "numerics/fit.py",
    } <= modules
    assert all(module.startswith("numerics/") for module in modules)
    assert (
        not {module.replace(".", "/").removeprefix("ivvit/") + ".py" for module in model_modules().values()} & modules
    )


def test_every_model_has_a_module_of_its_own() -> None:
    for module in model_modules().values():
        assert module.replace(".", "/").removeprefix("ivvit/") + ".py" in Code().modules([module], NUMERICS)


def test_readers_are_validations_and_not_extractions() -> None:
    assert "data/layouts/ucf101.py" in Code().modules(VALIDATION, WITHIN_VALIDATION)
    assert not any("layouts" in name for name in Code().modules(EXTRACTION, WITHIN_EXTRACTION))


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "ivvit"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "__init__.py").write_text("from ivvit.inner.used import f\n")
    (folder / "inner" / "used.py").write_text("def f():\n    from . import late\n    return late\n")
    (folder / "inner" / "late.py").write_text("X = 1\n")
    (folder / "inner" / "alone.py").write_text("X = 1\n")
    return folder


def test_imports_inside_functions_and_relative_ones_are_followed(package: Path) -> None:
    modules = Code(package).modules(["ivvit.inner.used"])
    assert set(modules) == {"__init__.py", "inner/__init__.py", "inner/used.py", "inner/late.py"}


def test_an_edit_of_equal_length_and_time_is_seen(package: Path) -> None:
    """As with a tool that sets times back; the inode's own time tells."""
    before, path = Code(package).modules(["ivvit.inner.late"]), package / "inner" / "late.py"
    stat = path.stat()
    path.write_text("X = 2\n")
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert Code(package).modules(["ivvit.inner.late"]) != before


def test_data_files_of_a_package_count(package: Path) -> None:
    before = Code(package).modules(["ivvit.inner.late"])
    (package / "inner" / "table.json").write_text("{}")
    assert Code(package).modules(["ivvit.inner.late"]) != before


def test_a_module_that_cannot_be_parsed_is_an_error(package: Path) -> None:
    (package / "inner" / "late.py").write_text("def (\n")
    with pytest.raises(UserError, match=r"late\.py:1: cannot be parsed"):
        Code(package).modules(["ivvit.inner.used"])


def test_reasons_are_sentences() -> None:
    old = {
        "spec": {"optimizer": {"A": {"lr": 1e-5}, "B": {"lr": 1e-5}}, "iterations": 5},
        "code": {"models/msca.py": {"shift": "1", "gone": "1"}},
        "data": {"A": "1", "B": "2"},
        "classes": {"A": 3, "B": 2},
        "frames": {},
        "weights": None,
    }
    new = {
        "spec": {"optimizer": {"A": {"lr": 3e-5}, "B": {"lr": 3e-5}}, "iterations": 5},
        "code": {"models/msca.py": {"shift": "2"}},
        "data": {"A": "9", "B": "2"},
        "classes": {"A": 4, "B": 2},
        "frames": {},
        "weights": "abcdef0123",
    }
    assert reasons(old, new, lambda name, *_: "2 files changed, 1 added") == [
        "optimizer.lr: 1e-05 -> 3e-05",
        "models/msca.py: gone removed, shift changed",
        "A: 2 files changed, 1 added",
        "A: 3 -> 4 classes",
        "weights: none -> abcdef01",
    ]
    assert reasons(new, new) == []
