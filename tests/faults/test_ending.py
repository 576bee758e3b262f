"""Processes end by their exit status, soon and not by a signal, whatever hangs in them."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import ending_process
import pytest

PATIENCE = 300
"""Seconds for a process to begin and to end, on a busy machine; one that hangs takes for ever."""

COMMAND = """
import sys, threading, types
import ivvit.cli
from ivvit.ground.errors import UserError

def compute():
    import torch
    matrix = torch.ones(300, 300)
    inside.set()
    while True:
        matrix @ matrix

inside = threading.Event()

def run(args):
    if {torch}:
        threading.Thread(target=compute, daemon=True).start()
        inside.wait()
    else:
        threading.Thread(target=threading.Event().wait).start()
    {end}

ivvit.cli.COMMANDS["hang"] = "hangs"
sys.modules["ivvit.cli.hang"] = types.SimpleNamespace(__doc__="", EXAMPLES="", add=lambda parser: None, run=run)
sys.argv = ["ivvit", "hang"]
ivvit.cli.entry()
"""
ENDS = {
    "return 3": (3, ""),
    "return None": (0, ""),
    "raise UserError('mend it')": (2, "error: mend it"),
    "raise ValueError('a bug')": (1, "ValueError: a bug"),
    "raise KeyboardInterrupt": (130, ""),
    "raise SystemExit(2)": (2, ""),
}


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, tuple[subprocess.Popen, Path]]]:
    """A process of each kind; they begin together, since most of their time is that of imports."""
    processes = {}
    for kind in ending_process.KINDS:
        folder = tmp_path_factory.mktemp(kind)
        os.mkfifo(folder / "fifo")
        command = [sys.executable, ending_process.__file__, kind, folder / "fifo", folder]
        processes[kind] = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True), folder
    yield processes
    for process, _ in processes.values():
        process.kill()


@pytest.mark.parametrize("kind", ending_process.KINDS)
def test_a_thread_that_hangs_keeps_no_process(kind: str, ended: dict[str, tuple[subprocess.Popen, Path]]) -> None:
    process, folder = ended[kind]
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == ending_process.STATUS, errors
    assert out == "written" and errors == ""
    assert (folder / "handled").exists(), "the handlers of the end were left out"
    if (folder / "worker").exists():
        assert gone(int((folder / "worker").read_text())), "a worker was left behind"


def gone(pid: int) -> bool:
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{pid}").exists() and time.monotonic() < end:
        time.sleep(0.01)
    return not Path(f"/proc/{pid}").exists()


@pytest.mark.parametrize("end", ENDS)
def test_a_command_ends_by_its_status_while_a_thread_hangs(end: str) -> None:
    code = COMMAND.format(end=end, torch="return" in end or "bug" in end)
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    status, words = ENDS[end]
    assert ran.returncode == status and words in ran.stderr and "terminate" not in ran.stderr, ran.stderr


def test_a_handler_that_hangs_is_not_waited_for_for_ever() -> None:
    code = (
        "import atexit, threading; from ivvit.ground import ending; ending._PATIENCE_SECONDS = 0.2;"
        "atexit.register(threading.Event().wait); print('written', end=''); ending.leave(7)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE)
    assert (ran.returncode, ran.stdout, ran.stderr) == (7, "written", "")
