"""The list of modules that cannot change a number: a run in which they do next to nothing ends in the same bits."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest
from neutral_run import STANDINS
from training_runs import TINY, data  # noqa: F401

from ivvit.staleness.closure import Code
from ivvit.staleness.entries import NEUTRAL, STUDY, TRAINING

TESTS = Path(__file__).parents[1]
# These hold no code that runs while training: the specification, a version, an exception.
NOT_REPLACED = {"ivvit", "ivvit.errors", "ivvit.config", "ivvit.config.*"}


@pytest.fixture(scope="session")
def lock(data: Path) -> Path:  # noqa: F811
    """The lock of weights in timm's names."""
    import torch
    from safetensors.torch import save_file

    from ivvit.models import create_model

    torch.manual_seed(3)
    sizes = {key: value for key, value in TINY.items() if key != "name"}
    model = create_model("IV-ViT", {"any": 2}, backbone=TINY["name"], backbone_args=sizes)
    path = data / "pretrained_weight" / "converted.safetensors"
    path.parent.mkdir(exist_ok=True)
    save_file(model.backbone.state_dict(), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    content = {"name": "w", "source": "test", "sha256": digest, "layout": "timm", "format": 1}
    lock = data / "weights.json"
    lock.write_text(json.dumps({**content, "path": path.relative_to(data).as_posix()}))
    return lock


def trained(data: Path, lock: Path, folder: Path, modules: Iterable[str] = ()) -> list[bytes]:  # noqa: F811
    command = [sys.executable, str(TESTS / "neutral_run.py"), str(data), str(folder), str(lock), *modules]
    path = os.pathsep.join([str(TESTS), str(TESTS.parent)])
    environment = {**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"}
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    return [
        (folder / name).read_bytes() for name in ("metrics.json", "model.safetensors", "confusion.npz", "study.txt")
    ]


@pytest.fixture(scope="session")
def plain(data: Path, lock: Path, tmp_path_factory: pytest.TempPathFactory) -> list[bytes]:  # noqa: F811
    return trained(data, lock, tmp_path_factory.mktemp("plain") / "run")


def test_every_listed_module_is_tried() -> None:
    assert set(NEUTRAL) - NOT_REPLACED == set(STANDINS)
    assert all(len(reason) > 15 for reason in NEUTRAL.values())


def test_with_none_of_them_a_run_ends_in_the_same_bits(data, lock, plain, tmp_path) -> None:  # noqa: F811
    assert trained(data, lock, tmp_path / "run", STANDINS) == plain


@pytest.mark.slow
@pytest.mark.parametrize("module", STANDINS)
def test_without_one_of_them_a_run_ends_in_the_same_bits(module, data, lock, plain, tmp_path) -> None:  # noqa: F811
    assert trained(data, lock, tmp_path / "run", [module]) == plain


def test_no_listed_module_is_in_the_closure() -> None:
    modules = Code().modules((*TRAINING, *STUDY), without=NEUTRAL)
    listed = {name.replace(".", "/").removeprefix("ivvit/") + ".py" for name in STANDINS}
    assert {"training/trainer.py", "study/proposals.py"} <= modules.keys()
    assert not listed & set(modules)
