"""The real process is killed by SIGKILL, while it writes too, and started again until it is done."""

import json
import os
import random
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from training_runs import Trainers, alive, same_bits

from ivvit.runs.checkpoint import load_checkpoint

FILES = ("history.csv", "model.safetensors", "samples.csv", "experiment.yaml")
PLAIN = {"validation": {"every": 100}, "ema": 0.9, "loss_weighting": "uncertainty"}
RECIPES = {
    "validation": {"every": 100}, "ema": 0.9, "ema_warmup": True, "update_rule": "joint", "gradient_surgery": "pcgrad",
    "optimizer": {"name": "lamb", "lr": 1e-3, "no_decay": True},
    "recipe": {"label_smoothing": 0.1, "mixup": 0.2, "cutmix": 1.0, "rand_augment": 9, "random_erasing": 0.25,
               "repeats": 2},
}  # fmt: skip
ITERATIONS = 40
"""For each kill."""
TIMEOUT = 600


@pytest.fixture(scope="module")
def trainers() -> Iterator[Trainers]:
    parent = Trainers()
    yield parent
    parent.close()


def start(
    trainers: Trainers, data: Path, folder: Path, kills: int, settings: dict[str, Any], workers: int = 0
) -> int:  # fmt: skip
    runtime = {"workers": workers, "checkpoint_minutes": 0.15 / 60}
    return trainers.start(data, folder, **settings, iterations=ITERATIONS * kills, runtime=runtime)


def wait_until(condition: Callable[[], bool], process: int) -> bool:
    """False if the process ended before the condition was seen; looks often, to see what is there shortly."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        if not alive(process):
            return False
        assert time.monotonic() < end
        time.sleep(0.0003)
    return True


def kill(process: int) -> bool:
    """Whether it was still there."""
    try:
        os.kill(process, signal.SIGKILL)
    except ProcessLookupError:
        return False
    while alive(process):
        time.sleep(0.001)
    return True


def kill_at_a_random_moment(process: int, folder: Path, rng: random.Random) -> bool:
    """Some time after training went on."""
    log = folder / "train.log"
    size = log.stat().st_size if log.is_file() else 0
    wait_until(lambda: log.is_file() and log.stat().st_size > size, process)
    time.sleep(rng.uniform(0, 0.6))
    return kill(process)


def kill_while_it_saves(process: int, folder: Path) -> bool:
    """As soon as a half-written checkpoint is seen after a whole one: each start gets further than the one before."""
    state = folder / "state"
    state.mkdir(exist_ok=True)
    old = set(os.listdir(state))

    def new(suffix: str) -> bool:
        return any(name.endswith(suffix) for name in set(os.listdir(state)) - old)

    wait_until(lambda: new(".ckpt"), process)
    old |= set(os.listdir(state))
    wait_until(lambda: new(".tmp"), process)
    return kill(process)


def finish(trainers: Trainers, data: Path, folder: Path, kills: int, settings: dict[str, Any]) -> None:
    process = start(trainers, data, folder, kills, settings)
    wait_until(lambda: not alive(process), process)
    assert (folder / "status").read_text() == "0", (folder / "messages.txt").read_text()


def train_with_kills(
    trainers: Trainers, data: Path, folder: Path, kills: int, settings: dict[str, Any]
) -> tuple[int, int]:
    """Gives how often it was killed, and how often a half-written checkpoint was left behind."""
    rng, killed, torn = random.Random(0), 0, 0
    for turn in range(kills):
        process = start(trainers, data, folder, kills, settings, workers=int(turn == 1))
        killed += kill_while_it_saves(process, folder) if turn % 2 else kill_at_a_random_moment(process, folder, rng)
        torn += any(name.endswith(".tmp") for name in os.listdir(folder / "state"))
    finish(trainers, data, folder, kills, settings)
    return killed, torn


@pytest.mark.parametrize(
    ("kills", "settings"),
    [(5, PLAIN), pytest.param(24, PLAIN, marks=pytest.mark.slow), pytest.param(5, RECIPES, marks=pytest.mark.slow)],
    ids=["5", "24", "recipes"],
)
def test_killed_runs_end_in_the_same_bits(kills, settings, trainers, data, tmp_path):
    folder, undisturbed = tmp_path / "run", tmp_path / "undisturbed"
    finish(trainers, data, undisturbed, kills, settings)
    killed, torn = train_with_kills(trainers, data, folder, kills, settings)
    assert killed == kills and torn >= 1
    for file in FILES:
        assert (folder / file).read_bytes() == (undisturbed / file).read_bytes(), file
    last = load_checkpoint(undisturbed / "state")
    assert last["iteration"] == ITERATIONS * kills
    same_bits(load_checkpoint(folder / "state"), last)
    sessions = json.loads((folder / "provenance.json").read_text())["sessions"]
    assert sessions[0]["from_iteration"] == 0 and sessions[-1]["from_iteration"] > 0


def test_a_killed_run_leaves_no_workers_behind(trainers, data, tmp_path):
    process = trainers.start(data, tmp_path / "run", iterations=10**6, runtime={"workers": 2})
    history = tmp_path / "run" / "history.csv"
    wait_until(lambda: history.is_file() and history.read_text().count("\n") > 10, process)
    family = psutil.Process(process).children(recursive=True)
    assert len(family) >= 5, "two workers of each data set, and the fork server"
    kill(process)
    _, left = psutil.wait_procs(family, timeout=30)
    assert not left
