"""Real kills of validation and extraction: what was done stays, the rest is done, the result is the same."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from data_sets import options, video_folder

from ivvit.data.extraction import extract, lock_store
from ivvit.data.validation import validate

PROGRAM = """
import sys, time
from pathlib import Path
from data_sets import options
import ivvit.data.extraction.run as run
import ivvit.data.validation.findings as findings
from ivvit.data.validation import validate

root, what = Path(sys.argv[1]), sys.argv[2]
chosen = options(kind="video-folder", path="datasets/D")

def slowly(function):  # a big data set, as far as a kill can tell
    def slow(*args, **keywords):
        time.sleep(0.05)
        return function(*args, **keywords)
    return slow

if what == "validate":
    findings.probe = slowly(findings.probe)
    validate("D", chosen, root, root / "m/D.json")
else:
    import ivvit.data.extraction.encode as encode
    encode._Writer.write = slowly(encode._Writer.write)
    run.extract("D", chosen, root, root / "m/D.json", workers=2)
"""


def killed(root: Path, what: str, ready: Callable[[], bool]) -> None:
    """Run the program and kill it, with no chance to clean up, as soon as `ready` says so."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1]), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM, str(root), what], env=environment)
    deadline = time.monotonic() + 120
    while not ready():
        assert process.poll() is None and time.monotonic() < deadline, "it ended before it could be killed"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    video_folder(tmp_path / "datasets/D", train=4, val=2)
    return tmp_path


def files(root: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in (root / "frames").rglob("*") if file.is_file()}


def count(root: Path, pattern: str) -> int:
    return len(list((root / "frames").rglob(pattern)))


def test_validation_goes_on_where_it_was_killed(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, cache = options(kind="video-folder", path="datasets/D"), root / "m/D.cache.jsonl"
    killed(root, "validate", lambda: cache.exists() and cache.read_text().count('"sha256"') >= 4)
    assert [file.name for file in (root / "m").iterdir()] == ["D.cache.jsonl"]
    import ivvit.data.validation.findings as findings

    opened, real = [], findings.probe
    monkeypatch.setattr(findings, "probe", lambda path, is_video: (opened.append(path), real(path, is_video))[1])
    validate("D", chosen, root, root / "m/D.json")
    assert 0 < len(opened) <= 8
    validate("D", chosen, root, root / "fresh/D.json")
    assert (root / "m/D.json").read_bytes() == (root / "fresh/D.json").read_bytes()


def test_extraction_goes_on_where_it_was_killed(root: Path) -> None:
    chosen, lock = options(kind="video-folder", path="datasets/D"), root / "m/D.json"
    validate("D", chosen, root, lock)
    killed(root, "extract", lambda: count(root, "*.mp4") >= 3 and count(root, ".*.tmp") == 2)
    done = {file: file.stat().st_mtime_ns for file in (root / "frames").rglob("*.mp4")}
    assert 3 <= len(done) < 12 and count(root, ".*.tmp"), "nothing was cut off"
    extract("D", chosen, root, lock)
    assert all(file.stat().st_mtime_ns == before for file, before in done.items())
    lock_store("D", chosen, root, lock, root / "frames.json")
    resumed = {name: content for name, content in files(root).items() if name.endswith(".mp4")}
    (root / "frames").rename(root / "first")
    extract("D", chosen, root, lock)
    assert resumed == files(root)
