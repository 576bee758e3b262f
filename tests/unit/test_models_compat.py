"""torchvision and timm import beside any torch, and only the known failure is worked around."""

import subprocess
import sys

import pytest

from ivvit.numerics import compat


def test_a_fresh_process_imports_torchvision_and_timm():
    code = "import ivvit.numerics.compat, timm, torchvision; from torchvision.transforms import v2; print(v2.Resize(8))"
    output = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "Resize" in output


def test_another_failure_is_not_hidden(monkeypatch):
    def fail(name):
        raise RuntimeError("another failure")

    monkeypatch.setattr(compat.importlib, "import_module", fail)
    with pytest.raises(RuntimeError, match="another failure"):
        compat.import_torchvision()
