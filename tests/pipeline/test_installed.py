"""The package as `pip install` gives it, in a folder that knows nothing of this checkout."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from workspace import PROJECT, make_video

import ivvit

Run = Callable[..., str]


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python that has this package from a wheel, and all else from the tests' own environment."""
    folder = tmp_path_factory.mktemp("installed")
    for name in ("ivvit", "workflow", "config"):
        shutil.copytree(PROJECT / name, folder / "source" / name, symlinks=True)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy2(PROJECT / name, folder / "source")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    _do([*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(folder / "source")], folder)
    _do([sys.executable, "-m", "venv", "--without-pip", str(folder / "venv")], folder)
    python = folder / "venv" / "bin" / "python"
    site = _do([str(python), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], folder).strip()
    wheel = next(folder.glob("*.whl"))
    _do([*pip, "--python", str(python), "install", "--no-deps", str(wheel)], folder)
    Path(site, "others.pth").write_text(sysconfig.get_path("purelib") + "\n")  # whose own .pth files are not read
    return python


def test_the_wheel_has_all_that_is_no_code(python: Path) -> None:
    wheel = next(python.parents[2].glob("*.whl"))
    there = set(zipfile.ZipFile(wheel).namelist())
    files = [path for path in (PROJECT / "ivvit").rglob("*") if path.parent.name != "__pycache__"]
    ours = [path for path in files if path.suffix != ".py"]
    ours += [PROJECT / "ivvit" / path.relative_to(PROJECT) for path in (PROJECT / "workflow").rglob("*")]
    missing = {path.relative_to(PROJECT).as_posix() for path in ours if path.is_file()} - there
    assert not missing, "name it in pyproject.toml, package-data"


@pytest.fixture
def run(python: Path, tmp_path: Path) -> Run:
    return lambda *command: _do([str(python), "-m", *command], tmp_path)


def test_a_project_begins_in_an_empty_folder(run: Run, python: Path, tmp_path: Path) -> None:
    assert run("ivvit", "--version") == f"ivvit {ivvit.__version__}\n"
    assert "next:  ivvit doctor" in run("ivvit", "init")
    assert "iv-vit" in run("ivvit", "status")
    plan = run("snakemake", "--cores", "1", "--dry-run")
    assert "rule all" in plan and "demo" in plan
    where = _do([str(python), "-c", "import ivvit; print(ivvit.__file__)"], tmp_path)
    assert Path(where).is_relative_to(python.parents[1])


def test_it_is_deployed_as_a_module(run: Run, tmp_path: Path) -> None:
    """As `snakedeploy deploy-workflow` writes it, from a repository, but for its address."""
    repository = tmp_path / "repository"
    shutil.copytree(PROJECT / "workflow", repository / "workflow")
    git = ["git", "-C", str(repository), "-c", "user.name=x", "-c", "user.email=x"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "x"], ["tag", "v1"]):
        _do([*git, *arguments], tmp_path)
    run("ivvit", "init")
    (tmp_path / "workflow" / "Snakefile").write_text(
        'configfile: "config/config.yaml"\n'
        "module ivvit:\n"
        f'    snakefile: gitfile("{repository}", path="workflow/Snakefile", tag="v1")\n'
        "    config: config\n"
        "use rule * from ivvit\n"
    )
    plan = run("snakemake", "--cores", "1", "--dry-run")
    assert "rule all" in plan and re.search(r"^demo +1$", plan, re.MULTILINE)


@pytest.mark.slow
def test_the_tutorial_as_it_is_written(python: Path, tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    for label in ("BabyCrawling", "Punch", "PushUps"):
        for group in range(1, 6):
            make_video(tmp_path / "my-videos" / label / f"v_{label}_g{group:02}_c01.avi", random)
    (tmp_path / "project").mkdir()
    blocks = re.findall(r"```sh\n(.*?)```", (PROJECT / "docs" / "tutorial.md").read_text(), re.DOTALL)
    lines = [line for line in "".join(blocks).splitlines() if line.startswith(("ivvit ", "snakemake "))]
    assert len(lines) >= 9
    for line in lines:
        _do([str(python), "-m", *shlex.split(line, comments=True)], tmp_path / "project")
    project = tmp_path / "project"
    assert (project / "results/report.html").is_file() and (project / "page.html").is_file()
    assert (project / "results/figures/samples_my-videos.png").is_file()
    assert len(list((project / "results/batches").glob("*.png"))) == 1


def _do(command: list[str], folder: Path) -> str:
    environment = {k: v for k, v in os.environ.items() if k not in ("IVVIT_CONFIG", "PYTHONPATH", "PYTHONHOME")}
    ran = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=3600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout + (ran.stderr if "snakemake" in command else "")
