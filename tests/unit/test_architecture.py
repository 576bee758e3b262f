"""Layers import downward only; the parts that Snakemake parses know neither torch nor pandas."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PACKAGE = PROJECT / "ivvit"

# Package -> those that it may import, besides itself. Whoever adds one here moves a wall of the house.
CORE = {"ground", "config", "numerics"}
INSTANCE = CORE | {"data", "weights", "evaluation", "runs"}
LIGHT = {"ground", "config", "identity"}
MAY_IMPORT: dict[str, set[str]] = {
    "ivvit": {"numerics", "weights", "use"},  # lazily: see test_importing_the_package_is_light
    "ground": set(),
    "config": {"ground"},
    "identity": {"ground", "config"},
    "numerics": {"ground", "config"},
    "evaluation": CORE,
    "data": CORE | {"identity.frame_store"},
    "weights": CORE,
    "runs": CORE | {"data", "weights", "evaluation"},
    "study": INSTANCE,
    "tracking": INSTANCE,
    "results": INSTANCE,
    "demo": INSTANCE,
    "use": INSTANCE | {"results.predictions", "results.hits", "results.pairs"},
    "planning": LIGHT,
    "project": {"ground", "config", "data"},
    "ledger": LIGHT | {"planning"},
    "doctor": INSTANCE,
    "cli": INSTANCE
    | LIGHT
    | {"study", "tracking", "results", "demo", "use", "planning", "project", "doctor", "ledger", "ivvit"},
    "__main__": {"cli"},
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def module_name(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__") or "ivvit"


def imports(path: Path) -> set[str]:
    """The package's modules that a file names in imports, wherever in the file, without the leading `ivvit.`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: imports are absolute in this project"
            found |= {node.module} if node.module != "ivvit" else {f"ivvit.{alias.name}" for alias in node.names}
    return {name.removeprefix("ivvit.") for name in found if name.partition(".")[0] == "ivvit"}


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_go_downward_only(path: Path) -> None:
    own = module_name(path).partition(".")[0]
    allowed = MAY_IMPORT[own] | {own}
    for name in imports(path):
        known = name.partition(".")[0] in allowed or name in allowed or name == "__version__"
        assert known, f"{path.relative_to(PROJECT)} imports ivvit.{name}, which is not below it"


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_nothing_in_the_package_knows_snakemake(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_bytes())):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        assert not any(name.partition(".")[0] == "snakemake" for name in names), path


def loaded(code: str, folder: Path) -> set[str]:
    """The top-level modules that are loaded after the code has run in a process of its own."""
    code = f"import sys\n{code}\nprint('LOADED', *{{name.partition('.')[0] for name in sys.modules}})"
    ran = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=600)
    assert "LOADED" in ran.stdout, ran.stdout + ran.stderr
    return set(ran.stdout.rpartition("LOADED")[2].split())


@pytest.mark.parametrize("package", ["ground", "config", "identity", "planning", "ledger"])
def test_light_packages_import_no_heavy_library(package: str, tmp_path: Path) -> None:
    names = [f"ivvit.{module_name(path)}" for path in MODULES if module_name(path).split(".")[0] == package]
    code = f"sys.path.insert(0, {str(PROJECT)!r})\nimport {', '.join(names)}"
    assert not loaded(code, tmp_path) & {"torch", "timm", "pandas", "pyarrow", "optuna", "av", "snakemake", "rich"}


def test_importing_the_package_is_light(tmp_path: Path) -> None:
    names = loaded(f"sys.path.insert(0, {str(PROJECT)!r})\nimport ivvit\nivvit.__version__, dir(ivvit)", tmp_path)
    assert not names & {"torch", "timm", "pandas", "numpy", "pydantic", "yaml"}


def test_training_imports_neither_decoder_nor_workflow_nor_tracker(tmp_path: Path) -> None:
    code = f"sys.path.insert(0, {str(PROJECT)!r})\nimport ivvit.runs.run"
    assert not loaded(code, tmp_path) & {"av", "snakemake", "optuna", "comet_ml"}


def test_parsing_the_snakefile_loads_no_heavy_library(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text((PROJECT / "config" / "config.yaml").read_text())
    arguments = ["--snakefile", str(PROJECT / "workflow" / "Snakefile"), "--dry-run", "--cores", "1", "--quiet"]
    end = "except SystemExit as end:\n    assert not end.code"
    code = f"from snakemake.cli import main\ntry:\n    main({arguments})\n{end}"
    assert not loaded(code, tmp_path) & {"torch", "timm", "optuna", "av"}  # Snakemake itself loads pandas
