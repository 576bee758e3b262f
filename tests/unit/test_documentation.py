"""The documentation is right as far as a machine can tell: links lead somewhere, commands exist, lines are short."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser

from ivvit.cli import COMMANDS, make_parser
from ivvit.weights.sources import load_table

PROJECT = Path(__file__).parents[2]
PAGES = sorted([*PROJECT.glob("*.md"), *PROJECT.glob("docs/*.md"), PROJECT / "config" / "README.md"])
OTHER_PROGRAMS = {"pip", "pip3", "docker", "apptainer", "optuna-dashboard", "tensorboard", "export", "cd", "cp", "git"}
OTHER_PROGRAMS |= {
    "python3",
    "mkdir",
    "ls",
    "head",
    "python",
    "source",
    ".",
    "sbatch",
    "scancel",
    "squeue",
    "nvidia-smi",
    "cat",
}
NOT_TEXT = {".svg", ".npz", ".json", ".png", ".lock"}


def name(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()


def blocks(page: Path, *languages: str) -> list[str]:
    """The fenced blocks of these languages."""
    return [
        text
        for language, text in re.findall(r"^```(\w*)\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)
        if language in languages
    ]


def shell_lines(page: Path) -> list[str]:
    """Commands of a page's shell blocks, without comments and what a pipe does with their output."""
    text = "\n".join(blocks(page, "sh", "bash")).replace("\\\n", " ")
    lines = [re.split(r"\s#|\s[|>]|&&", line)[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith("#")]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = page.parent / file if file else page
        assert path.exists(), f"{name(page)} links to {target}, which is not there"
        if page.parent.name == "docs":
            assert path.resolve().is_relative_to(PROJECT / "docs"), f"{target} would not be part of the site"
        if anchor:
            assert anchor in slugs(path), f"{name(page)} links to {target}, a heading that is not there"


def slugs(page: Path) -> set[str]:
    """The headings as GitHub and MkDocs name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_lines_are_commands_that_exist(page: Path) -> None:
    for line in shell_lines(page):
        words = shlex.split(line)
        while words and re.fullmatch(r"[A-Z_]+=\S*", words[0]):
            words = words[1:]
        if words:
            check(words, f"{name(page)}: {line}")


def check(words: list[str], where: str) -> None:
    """One command line: it must be one that its program takes."""
    program, arguments = words[0].rpartition("/")[2], words[1:]
    try:
        if program == "ivvit":
            make_parser().parse_args(arguments)
        elif program == "snakemake":
            get_argument_parser().parse_args(arguments)
        elif program == "make":
            targets = re.findall(r"^([\w-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE)
            assert {word for word in arguments if "=" not in word} <= set(targets), where
        else:
            assert program in OTHER_PROGRAMS, f"{where}: {program} is not among the programs that are known"
    except SystemExit as end:
        pytest.fail(f"{where}: is refused") if end.code else None


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_in_the_text_exist(page: Path) -> None:
    for command in re.findall(r"`ivvit ([a-z][\w-]*)", page.read_text()):
        assert command in COMMANDS, f"{name(page)} names `ivvit {command}`"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_shell_blocks_are_shell(page: Path) -> None:
    for block in blocks(page, "sh", "bash"):
        ran = subprocess.run(["bash", "-n"], input=block, capture_output=True, text=True)
        assert ran.returncode == 0, f"{name(page)}: {ran.stderr}\n{block}"


def test_no_line_is_too_long() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout, so nobody knows which files are the project's")
    long = [
        f"{file}:{number}: {len(line)} characters"
        for file in listed.stdout.splitlines()
        if (PROJECT / file).is_file() and Path(file).suffix not in NOT_TEXT
        for number, line in enumerate((PROJECT / file).read_text(errors="replace").splitlines(), 1)
        if len(line) > (120 if file.endswith(".md") else 160)
    ]
    assert not long, "\n".join(long)


def test_the_readme_names_the_places_of_all_weights() -> None:
    text = (PROJECT / "README.md").read_text()
    for weights, source in load_table().items():
        assert f"| `{weights}` | `{source['file']}` |" in text, weights


@pytest.mark.slow
def test_the_site_is_built(tmp_path: Path) -> None:
    """Without network, and strictly: a warning is an error."""
    mkdocs = shutil.which("mkdocs", path=str(PROJECT / ".venv" / "bin"))
    if mkdocs is None:
        pytest.skip("mkdocs-material is not installed: make docs")
    command = [mkdocs, "build", "--quiet", "--site-dir", str(tmp_path / "site")]
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {page.stem for page in PROJECT.glob("docs/*.md")} <= {
        page.stem for page in (tmp_path / "site").glob("*.html")
    }
