"""Surroundings that cannot be right: full and closed disks, broken variables, streams and folders."""

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from data_sets import image_folder
from outcomes import refused, run, share
from privileges import bound_by_permissions

PROJECT = Path(__file__).parents[2]
CONFIG = """\
root_path: data
datasets: {shades: {kind: image-folder, path: shades}}
defaults: {backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}}
experiments: {images: {datasets: {shades: 2}}}
runtime: {workers: 0, gpus: 0}
"""
Change = Callable[[pytest.MonkeyPatch], object]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    image_folder(tmp_path / "data/shades")
    (tmp_path / "config").mkdir()
    (tmp_path / "config/config.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    for folder in (tmp_path, tmp_path / "data", tmp_path / "data/shades", tmp_path / "results"):
        if folder.is_dir():
            folder.chmod(0o755)


def variable(name: str, value: str) -> Change:
    return lambda patch: patch.setenv(name, value)


def closed(name: str, mode: int = 0) -> Change:
    """A folder or file without permissions; a missing folder is made."""
    return lambda _: (Path(name).exists() or Path(name).mkdir(), Path(name).chmod(mode))


def config(text: str) -> Change:
    return lambda _: Path("config/config.yaml").write_text(CONFIG + text)


def link(name: str, target: str) -> Change:
    return lambda _: Path(name).symlink_to(target)


def instead(name: str, make: Change) -> Change:
    """Something else in the place of a folder or file."""
    return lambda patch: (Path(name).rename("moved"), make(patch))


VALIDATE, STATUS = ["validate", "shades"], ["status"]
LONG, DENIED, NONE = "x" * 300, "cannot be read (Permission denied)", "no such configuration file"
CASES: dict[str, tuple[list[str], Change, int, str]] = {
    "results is a file": (VALIDATE, lambda _: Path("results").write_text("x"), 1, "results"),
    "results is a link to nowhere": (VALIDATE, link("results", "/proc/nowhere"), 1, "results"),
    "results is a link to itself": (VALIDATE, link("results", "results"), 1, "points back to itself"),
    "results cannot be written": (VALIDATE, closed("results", 0o555), 1, "Permission denied; "),
    "a name of results that is too long": (VALIDATE, config(f"results: {{path: {LONG}}}\n"), 1, "a shorter name"),
    "results in a file": (VALIDATE, config("results: {path: config/config.yaml/x}\n"), 1, "in the place of a folder"),
    "results where nothing can be": (VALIDATE, config("results: {path: /proc/x}\n"), 1, "/proc/x"),
    "manifests is a file": (VALIDATE, lambda _: (Path("results").mkdir(), Path("results/manifests").write_text("")), 1,
                            "in the place of a folder"),
    "the data cannot be read": (VALIDATE, closed("data/shades"), 2, "Permission denied"),
    "the root cannot be read": (VALIDATE, closed("data"), 2, "data"),
    "a class cannot be read": (VALIDATE, closed("data/shades/train/c1"), 2, f"c1 {DENIED}"),
    "an image cannot be read": (VALIDATE, closed("data/shades/train/c1/0.png"), 2, f"it {DENIED}"),
    "the root is a link to itself": (VALIDATE, instead("data", link("data", "data")), 2, "data"),
    "the root is missing": (VALIDATE, instead("data", lambda _: None), 2, "data/shades does not exist"),
    "no configuration": (STATUS, instead("config", lambda _: None), 2, f"config/config.yaml: {NONE}"),
    "a configuration that cannot be read": (STATUS, closed("config/config.yaml"), 2, "Permission denied"),
    "a configuration that is a folder": (STATUS, instead("config/config.yaml", lambda _: Path(
        "config/config.yaml").mkdir()), 2, "no such configuration file"),
    "a configuration that is a pipe": (STATUS, instead("config/config.yaml", lambda _: os.mkfifo(
        "config/config.yaml")), 2, "no such configuration file"),
    "a configuration that is a link to itself": (STATUS, instead("config/config.yaml", link(
        "config/config.yaml", "config.yaml")), 2, "config.yaml"),
    "IVVIT_CONFIG is no JSON": (STATUS, variable("IVVIT_CONFIG", "{"), 2, "IVVIT_CONFIG"),
    "IVVIT_CONFIG is something else": (STATUS, variable("IVVIT_CONFIG", "3"), 2, "IVVIT_CONFIG"),
    "IVVIT_CONFIG names no file": (STATUS, variable("IVVIT_CONFIG", '[["gone.yaml"], {}]'), 2, "gone.yaml"),
    "IVVIT_LISTINGS is no JSON": (STATUS, variable("IVVIT_LISTINGS", "{"), 2, "IVVIT_LISTINGS"),
    "IVVIT_LISTINGS is something else": (STATUS, variable("IVVIT_LISTINGS", "[1]"), 2, "IVVIT_LISTINGS"),
}  # fmt: skip
HARMLESS: dict[str, Change] = {
    "a terminal without a width": variable("COLUMNS", "wide"),
    "a terminal of no width": variable("COLUMNS", "0"),
    "an unknown terminal": variable("TERM", "nothing"),
    "no home": lambda patch: patch.delenv("HOME", raising=False),
    "a home that is not there": variable("HOME", "/nowhere"),
    "an unknown locale": variable("LC_ALL", "xx_XX.UTF-9"),
    "half an acceptance": lambda _: (Path("results/accepted").mkdir(parents=True),
                                     Path("results/accepted/0.json").write_text("{")),
    "an acceptance that is a folder": lambda _: Path("results/accepted/0.json").mkdir(parents=True),
    "a lock that is a link to itself": lambda _: (Path("results/runs/0/seed0/state").mkdir(parents=True),
                                                  Path("results/runs/0/seed0/state/lock").symlink_to("lock")),
    "a lock that is a folder": lambda _: Path("results/runs/0/seed0/state/lock").mkdir(parents=True),
    "runs that are a file": lambda _: (Path("results").mkdir(), Path("results/runs").write_text("x")),
    "runs that cannot be read": lambda _: (Path("results/runs").mkdir(parents=True), Path("results/runs").chmod(0)),
    "a run without a number": lambda _: Path("results/runs/0/seedx").mkdir(parents=True),
}  # fmt: skip


@pytest.mark.parametrize("what", share(CASES, 2))
def test_surroundings(what: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments, change, status, words = CASES[what]
    change(monkeypatch)
    with bound_by_permissions():
        refused(arguments, status, words)


@pytest.mark.parametrize("what", share(HARMLESS, 2))
@pytest.mark.parametrize("command", ["status", "clean"])
def test_what_is_no_obstacle(what: str, command: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    HARMLESS[what](monkeypatch)
    with bound_by_permissions():
        found = run(command)
    assert found.status == 0, found.err


def process(*command: str, **options: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, text=True, timeout=600, env=environment, **options)


IVVIT = (sys.executable, "-m", "ivvit")


def test_a_full_output(project: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ran = process(*IVVIT, "status", stdout=full)
    assert ran.returncode == 1
    assert (
        ran.stderr == "error: the output cannot be written: No space left on device; send it elsewhere, or make room\n"
    )


@pytest.mark.parametrize("streams", [">&-", "2>&-", ">&- 2>&-", "<&-"])
def test_closed_streams(streams: str, project: Path) -> None:
    ran = process("sh", "-c", f'exec "$@" {streams}', "sh", *IVVIT, "status")
    assert ran.returncode == 0 and not ran.stderr


def test_a_reader_that_has_gone(project: Path) -> None:
    ran = process("sh", "-c", '"$@" | true', "sh", *IVVIT, "status")
    assert "Traceback" not in ran.stderr


@pytest.mark.slow
def test_a_limit_on_the_size_of_files(project: Path) -> None:
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600, 600))  # noqa: E731
    ran = process(*IVVIT, *VALIDATE, preexec_fn=limit)
    assert ran.returncode == 1 and "Traceback" not in ran.stderr
    assert "File too large; free some space (or raise the quota or file size limit)" in ran.stderr


@contextmanager
def mounts() -> Iterator[tuple[str, ...]]:
    """The beginning of a command that may mount file systems that only it sees."""
    prefix = ("unshare", "--mount", "sh", "-c")
    if subprocess.run([*prefix, "mount -t tmpfs tmpfs /mnt"], capture_output=True).returncode:
        pytest.skip("this takes the right to mount")
    yield prefix


@pytest.mark.slow
@pytest.mark.parametrize(
    ("mount", "words"),
    [
        ("mount -t tmpfs -o size=8k tmpfs results", "No space left on device; free some space"),
        ("mount -t tmpfs -o ro tmpfs results", "Read-only file system; make"),
    ],
)
def test_file_systems(mount: str, words: str, project: Path) -> None:
    Path("results").mkdir()
    with mounts() as prefix:
        ran = process(*prefix, f'{mount} && exec "$@"', "sh", *IVVIT, *VALIDATE)
    assert ran.returncode == 1 and words in ran.stderr and "Traceback" not in ran.stderr, ran.stderr


@pytest.mark.slow
def test_a_user_without_a_name(project: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can be somebody else")
    project.chmod(0o777)
    for parent in project.parents:
        if not parent.stat().st_mode & 1:
            pytest.skip("the test's folder is closed to others")
    ran = process(*IVVIT, *VALIDATE, user=54321)
    assert ran.returncode == 0, ran.stderr
