"""What Snakemake itself shows of the workflow: its rule graph in three states, and that looking writes nothing."""

import json
import re
import shutil
from pathlib import Path

import pytest
from workspace import SMALL, Workspace

CHAIN = {
    ("validate", "extract"), ("extract", "frames"), ("validate", "train"), ("frames", "train"), ("weights", "train"),
    ("validate", "evaluate"), ("frames", "evaluate"), ("train", "evaluate"), ("evaluate", "tables"),
}  # fmt: skip
STUDY = {
    ("validate", "study_worker"), ("study_worker", "study"), ("study", "train"), ("train", "train"),
}  # fmt: skip
LOOKS = {
    "dry run": ("-n",),
    "rule graph": ("--rulegraph",),
    "graph": ("--dag",),
    "summary": ("--summary",),
    "list of targets": ("--list-rules",),
    "lint": ("--lint", "--workflow-profile", "none"),
}
OFTEN = {"dry run", "rule graph", "lint"}


def graph(workspace: Workspace, *arguments: str) -> set[tuple[str, str]]:
    """The edges of `snakemake --rulegraph` by the names of the rules, but for those to the target."""
    text = workspace.python("-m", "snakemake", "--rulegraph", *arguments).stdout
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', text))
    edges = {(names[one], names[other]) for one, other in re.findall(r"(\d+) -> (\d+)", text)}
    return {edge for edge in edges if edge[1] != "all"}


def tree(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file and folder with size and time, but for what Python and Snakemake remember for themselves."""
    paths = [path for path in folder.rglob("*") if not {".snakemake", "__pycache__"} & set(path.parts)]
    stats = {str(path.relative_to(folder)): path.lstat() for path in paths}
    return {name: (stat.st_size, stat.st_mtime_ns) for name, stat in stats.items() if name != "."}


def test_a_finished_workflow(small: Workspace) -> None:
    assert graph(small) == CHAIN


def planned(workspace: Workspace, *arguments: str) -> set[str]:
    """The rules that a dry run has jobs of, whether or not they are to run."""
    ran = workspace.python("-m", "snakemake", "-n", "--cores", "1", "--debug-dag", *arguments)
    assert ran.returncode == 0, ran.stderr
    return set(re.findall(r"^selected job (\w+)", ran.stdout + ran.stderr, re.M))


def test_what_is_done_takes_no_part_in_a_plan(small: Workspace) -> None:
    """But where jobs are forced: then Snakemake must know them."""
    assert planned(small) == {"all", "validate", "extract", "frames", "weights", "tables"}
    assert planned(small, "--forcerun", "evaluate") >= {"train", "evaluate"}


@pytest.mark.slow
def test_what_is_damaged_does(small: Workspace, tmp_path: Path) -> None:
    workspace = small.copy(tmp_path / "it")
    (damaged,) = workspace.folder_of("joint").glob("evaluations/*/metrics.json")
    damaged.write_text("{}")
    assert planned(workspace) >= {"train", "evaluate"}


def test_a_half_finished_workflow(small: Workspace, tmp_path: Path) -> None:
    workspace = small.copy(tmp_path / "it")
    shutil.rmtree(workspace.folder_of("joint"))
    shutil.rmtree(workspace / "results/frames")
    assert graph(workspace) == CHAIN
    shutil.rmtree(workspace.manifests("moves")[0])
    assert graph(workspace) == {
        ("validate", "train"),
        ("validate", "evaluate"),
        ("train", "evaluate"),
    }  # images; what is trained on moves is not known


def test_before_anything_has_run(tmp_path: Path) -> None:
    workspace = Workspace.make(tmp_path / "it", SMALL)
    assert graph(workspace) == set()
    stats = workspace.python("-m", "snakemake", "-n", "--cores", "1").stdout
    assert set(re.findall(r"^(\w+) +\d+$", stats, re.M)) == {"validate", "weights", "all", "total"}


@pytest.mark.parametrize(
    "look", [look if look in OFTEN else pytest.param(look, marks=pytest.mark.slow) for look in LOOKS]
)
def test_looking_writes_nothing(look: str, small: Workspace, tmp_path: Path) -> None:
    for state in ("finished", "new"):
        workspace = small.copy(tmp_path / state)
        if state == "new":
            shutil.rmtree(workspace / "results")
        before = tree(workspace.folder)
        ran = workspace.python("-m", "snakemake", *LOOKS[look])
        assert ran.returncode == 0 or look == "lint", ran.stderr
        assert tree(workspace.folder) == before


def test_a_report_writes_nothing_but_itself(small: Workspace, tmp_path: Path) -> None:
    """And says what each thing is: of which configuration, under which label, with which caption."""
    workspace = small.copy(tmp_path / "it")
    before = tree(workspace.folder)
    ran = workspace.python("-m", "snakemake", "--report", str(tmp_path / "report.html"))
    assert ran.returncode == 0 and (tmp_path / "report.html").is_file(), ran.stderr
    assert tree(workspace.folder) == before
    page = (tmp_path / "report.html").read_text()
    categories, results = (
        json.loads(re.search(rf"var {name} = (\{{.*\}});", page)[1]) for name in ("categories", "results")
    )
    assert set(categories) == {"Results of config.yaml"} and "Other" not in categories["Results of config.yaml"]
    assert len(results) == 5 and all(found["labels"] and found["caption"] for found in results.values())
    assert not re.search(r'(src|href)="https?:', page), "opens without network"


@pytest.mark.slow
def test_studies_and_parents(full: Workspace) -> None:
    assert graph(full) == CHAIN | STUDY
