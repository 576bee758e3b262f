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
OTHER_PROGRAMS = {".", "apptainer", "cd", "docker", "export", "git", "mkdir", "optuna-dashboard", "pip", "python3"}
OTHER_PROGRAMS |= {"snakedeploy", "tensorboard", "wandb"}
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


def commands(page: Path) -> list[list[str]]:
    """All commands of a page's shell blocks, each side of a pipe or `&&`, without comments and redirections."""
    return [
        words
        for line in "\n".join(blocks(page, "sh", "bash")).replace("\\\n", " ").splitlines()
        for words in split(line)
    ]


def split(line: str) -> list[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="();<>|&")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    tokens = iter(lexer)
    for token in tokens:
        if set(token) <= set(";|&"):
            found.append([])
        elif set(token) <= set("<>"):
            next(tokens)
        else:
            found[-1].append(token)
    return [words for words in found if words]


def test_no_command_of_a_line_is_overlooked() -> None:
    line = "A=1 ivvit plan  > a.txt && cd x; ivvit 'status|why' --json | jq '.[] | x'  # and so on"
    assert split(line) == [["A=1", "ivvit", "plan"], ["cd", "x"], ["ivvit", "status|why", "--json"], ["jq", ".[] | x"]]
    assert sum(len(commands(page)) for page in PAGES) > 80, "where are the documentation's commands?"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_commands_are_in_shell_blocks(page: Path) -> None:
    """Else nobody would check them."""
    programs = "|".join(re.escape(program) for program in {*OTHER_PROGRAMS, "ivvit", "snakemake", "make"} - {"."})
    for block in blocks(page, "", "text", "console"):
        found = re.findall(rf"^\$? ?(?:{programs}) .*", block, re.MULTILINE)
        assert not found, f"{name(page)}: mark as a block of sh: {found}"


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
    for words in commands(page):
        while words and re.fullmatch(r"[A-Z0-9_]+=.*", words[0]):
            words = words[1:]
        if words:
            check(words, f"{name(page)}: {shlex.join(words)}")


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
    ran = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=600)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert {page.stem for page in PROJECT.glob("docs/*.md")} <= {
        page.stem for page in (tmp_path / "site").glob("*.html")
    }
