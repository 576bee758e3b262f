"""What promises equal bytes gives them whatever lies in memory that nobody wrote, in other folders, at other times."""

import fnmatch
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import equal_bytes
import pytest

FEW, ALL = (0, 85), (0, 1, 85, 170, 254)
"""Values of MALLOC_PERTURB_: the byte (or its complement) with which glibc fills memory; 0 leaves it as it was."""
LATER = 1.1
"""Seconds between the starts of two processes, so that a date in a file is another one."""


def made(root: Path, values: tuple[int, ...]) -> list[dict[str, dict[str, str]]]:
    """What the processes made, two at a time."""
    started: list[subprocess.Popen] = []
    for value in values:
        if len(started) >= 2:
            started[-2].wait()
        environment = os.environ | {"MALLOC_PERTURB_": str(value), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, equal_bytes.__file__, root / str(value)]
        with (root / f"{value}.out").open("wb") as out, (root / f"{value}.err").open("wb") as err:
            started.append(subprocess.Popen(command, env=environment, stdout=out, stderr=err))
        time.sleep(LATER)
    for value, process in zip(values, started, strict=True):
        assert process.wait() == 0, (root / f"{value}.err").read_text()
    return [json.loads((root / f"{value}.out").read_text().splitlines()[-1]) for value in values]


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, dict[str, str]]]:
    return made(tmp_path_factory.mktemp("few"), FEW)


def compare(found: list[dict[str, str]]) -> None:
    first, *others = found
    assert first, "nothing was made"
    for other in others:
        assert [name for name in first.keys() | other.keys() if first.get(name) != other.get(name)] == []


@pytest.mark.parametrize("kind", equal_bytes.MAKERS)
def test_processes_with_other_memory_write_the_same_bytes(kind: str, few: list[dict[str, dict[str, str]]]) -> None:
    compare([process[kind] for process in few])


@pytest.mark.slow
def test_so_do_many(tmp_path: Path) -> None:
    found = made(tmp_path, ALL)
    for kind in equal_bytes.MAKERS:
        compare([process[kind] for process in found])


def test_all_that_was_promised_is_among_them(few: list[dict[str, dict[str, str]]]) -> None:
    made = {f"{kind}/{name}" for kind, names in few[0].items() for name in names}
    promised = (
        "demo/*.mp4", "demo/*.avi", "demo/*.JPEG", "demo/*.pth",
        "data/manifests/*.arrow", "data/*/mjpeg*.mp4", "data/*/ffv1*.mp4",
        "training/*/model.safetensors", "training/*/*.ckpt", "training/*/samples.csv", "training/*/history.csv",
        "evaluation/*/metrics.json", "evaluation/*/predictions.parquet",
        "results/*.csv", "results/*.tex", "results/*.png", "results/*.svg",
        "study/*/best-3.yaml", "study/*/trials.csv",
    )  # fmt: skip
    for pattern in promised:
        assert fnmatch.filter(made, pattern), pattern
