"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real files for tests (`IVVIT_SHARED`, by default ../shared beside the checkout)."""
    folder = Path(os.environ.get("IVVIT_SHARED", Path(__file__).parents[2] / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"real test data not found: set IVVIT_SHARED (looked in {folder})")
    return folder
