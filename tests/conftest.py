"""Fixtures that every test may use."""

import os
import shutil
from pathlib import Path

import pytest


def pytest_xdist_auto_num_workers() -> int:
    """One process more than there are cores, as some tests wait; more than 8 would ask for much memory."""
    return min(8, (os.cpu_count() or 1) + 1)


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files for tests (`IVVIT_SHARED`, by default ../shared beside the checkout)."""
    folder = Path(os.environ.get("IVVIT_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"real test data not found: set IVVIT_SHARED (looked in {folder})")
    return folder


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with two validated data sets: images `shades` (3 classes) and clips `moves` (2 classes)."""
    from training_runs import make_data, write_data  # imports torch

    root = tmp_path_factory.mktemp("training-data")
    write_data(root)
    make_data(root)
    return root


@pytest.fixture(scope="session")
def model(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a model trained on both, away from its run."""
    from training_runs import job

    from ivvit.runs.run import train

    folder = tmp_path_factory.mktemp("model")
    train(job(data, folder / "run", model="MSCA", seed=3))
    shutil.move(folder / "run/model.safetensors", folder / "msca.safetensors")
    shutil.rmtree(folder / "run")
    return folder / "msca.safetensors"
