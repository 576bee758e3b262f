"""What can change a number is one folder: nothing that a job's entries import lies elsewhere, and no edit elsewhere
changes an identity."""

import ast
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType

import pytest

from ivvit.config.base import Section
from ivvit.identity.closure import PACKAGE, Code
from ivvit.identity.entries import (
    EVALUATION,
    NEIGHBOURS,
    NUMERICS,
    SELECTION,
    STUDY,
    TABLES,
    TRAINING,
    WITHIN_STUDY,
    WITHIN_TABLES,
)
from ivvit.identity.models import model_modules
from ivvit.identity.prose import without_prose

MODELS = tuple(model_modules().values())
BELOW = {"numerics", "ground", "config", "__init__.py"}
ENTRIES = {
    **{f"training {model}": ((*TRAINING, module), BELOW) for model, module in model_modules().items()},
    "evaluation": (EVALUATION, BELOW | {"evaluation"}),
    "study": (STUDY, BELOW | {"study", "evaluation"}),
}
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
OUTSIDE = sorted({name.partition("/")[0] for name in MODULES} - {"numerics"})


@pytest.mark.parametrize("name", ENTRIES)
def test_all_that_an_entry_imports_is_counted_or_below(name: str) -> None:
    entries, allowed = ENTRIES[name]
    reached = Code().closure(entries, within=("ivvit",)).modules
    assert {module.partition("/")[0] for module in reached} <= allowed


def test_all_that_evaluates_counts_and_what_only_reports_is_no_part_of_a_selection() -> None:
    """An edit of metrics or intervals once made no evaluation stale, and one of predictions made studies so."""
    every = {module for module in MODULES if module.startswith("evaluation/")}
    found = [{module for module in Code().closure(entries, within=("ivvit",)).modules if module in every}
             for entries in ((*EVALUATION, *NEIGHBOURS), (*TRAINING, *SELECTION, *STUDY))]  # fmt: skip
    assert found[0] == every
    only = {"evaluation/metrics.py", "evaluation/intervals.py", "evaluation/predictions.py", "evaluation/neighbours.py"}
    assert every - found[1] == only


def test_a_study_depends_on_what_proposes_prunes_and_chooses_alone() -> None:
    """Not on how trials are claimed, recorded and shown: the import of a type once made the journal a part of it."""
    reached = Code().closure((*TRAINING, *SELECTION, *STUDY), WITHIN_STUDY).modules
    names = ("choice", "job", "objective", "proposals", "pruning", "snapshot", "space")
    found = {module for module in reached if module.startswith("study/")} - {"study/__init__.py"}
    assert found == {f"study/{name}.py" for name in names}


def numerics() -> Iterator[tuple[str, ast.Module]]:
    """The modules of numerics as they run: without annotations and imports for type checkers."""
    for path in sorted((PACKAGE / "numerics").rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), without_prose(ast.parse(path.read_bytes()), "ivvit")


def test_tables_are_made_anew_where_intervals_or_pixels_are_others() -> None:
    assert {"evaluation/intervals.py", "numerics/decode.py"} <= set(Code().closure(TABLES, WITHIN_TABLES).modules)


def test_numerics_runs_no_code_of_the_configuration_but_the_models_options() -> None:
    """A resolved specification is plain values, all of them in the identity; code that made them is not."""
    found = {
        (name, alias.name)
        for name, tree in numerics()
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if "ivvit.config" in f"{getattr(node, 'module', '')} {alias.name}"
    }
    assert found == {("numerics/models/registry.py", "MODELS")}


def test_numerics_asks_the_specification_for_fields_and_not_for_what_code_makes_of_them() -> None:
    computed = {
        name
        for section in sections(Section)
        for name, value in vars(section).items()
        if isinstance(value, property | FunctionType | classmethod) and not name.startswith(("_", "model_"))
    }
    assert "is_video" in computed
    asked = {
        (name, node.attr) for name, tree in numerics() for node in ast.walk(tree) if isinstance(node, ast.Attribute)
    }
    assert not {(name, attribute) for name, attribute in asked if attribute in computed}


def sections(section: type[Section]) -> Iterator[type[Section]]:
    for child in section.__subclasses__():
        yield child
        yield from sections(child)


def with_a_value(text: str) -> str:
    return f"{text}\nVALUE = 1\n"


def with_another_body(text: str) -> str:
    """The same module with another statement in the first function that has lines of its own."""
    lines = text.splitlines(keepends=True)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef) and node.body[0].lineno > node.lineno:
            last = node.body[-1]
            lines.insert(last.lineno - 1, f"{' ' * last.col_offset}VALUE = 1\n")
            changed = "".join(lines)
            ast.parse(changed)
            return changed
    return text


EDITS = [with_a_value, with_another_body]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    package = tmp_path_factory.mktemp("copy") / "ivvit"
    return shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("*.pyc"))


def training_digest(package: Path) -> str:
    return Code(package).closure((*TRAINING, *MODELS), NUMERICS).digest


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("part", OUTSIDE)
def test_no_edit_outside_makes_a_run_stale(part: str, edit: Callable[[str], str], copied: Path) -> None:
    before = training_digest(copied)
    files = [copied / name for name in MODULES if name.partition("/")[0] == part]
    texts = [file.read_text() for file in files]
    try:
        for file, text in zip(files, texts, strict=True):
            file.write_text(edit(text))
        assert training_digest(copied) == before
    finally:
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)


@pytest.mark.parametrize("edit", EDITS)
def test_every_edit_inside_makes_runs_stale(edit: Callable[[str], str], copied: Path) -> None:
    before, unseen = training_digest(copied), []
    for name in sorted(Code(copied).closure((*TRAINING, *MODELS), NUMERICS).modules):
        file = copied / name
        text = file.read_text()
        file.write_text(edit(text))
        if edit(text) != text and training_digest(copied) == before:
            unseen.append(name)
        file.write_text(text)
    assert not unseen
    assert training_digest(copied) == before


@pytest.mark.parametrize("model", model_modules())
def test_a_model_depends_on_no_other_models_module(model: str, copied: Path) -> None:
    own = model_modules()[model]
    before = Code(copied).closure((*TRAINING, own), NUMERICS)
    others = [re.sub(r"^ivvit\.", "", module).replace(".", "/") + ".py" for module in MODELS if module != own]
    assert not set(others) & before.modules.keys()
