"""Writing the demo's data sets is killed at many moments; the next call completes them, to the byte."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from ivvit.demo.data import write_demo_data
from ivvit.ground.files import TEMPORARY

WRITE = """
import sys
from pathlib import Path
from ivvit.demo.data import write_demo_data
print("go", flush=True)
write_demo_data(Path(sys.argv[1]))
"""


def tree(root: Path) -> dict[Path, bytes]:
    """What lies there; a killed process may leave a file of its own without a name, which nobody reads."""
    files = (path for path in root.rglob("*") if path.is_file() and not path.name.endswith(TEMPORARY))
    return {path.relative_to(root): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[Path, bytes]:
    root = tmp_path_factory.mktemp("whole")
    write_demo_data(root)
    return tree(root)


@pytest.mark.parametrize("seconds", [0.0, 0.5, 1.0])
def test_a_killed_writer_goes_on(tmp_path: Path, whole: dict[Path, bytes], seconds: float) -> None:
    root = tmp_path / "demo"
    with subprocess.Popen([sys.executable, "-c", WRITE, str(root)], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(seconds)
        process.kill()
    there = {path.name for path in (root / "datasets").glob("[!.]*")}
    for name in there:  # a data set under its own name is complete
        assert tree(root / "datasets" / name) == {
            path.relative_to(f"datasets/{name}"): raw for path, raw in whole.items() if path.parts[1:2] == (name,)
        }
    write_demo_data(root)
    assert tree(root) == whole
