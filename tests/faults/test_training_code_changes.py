"""Code that changes while a job is starting: the job stops, or runs the code that its identity was made from."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ivvit.identity.closure import PACKAGE

CONFIG = """\
root_path: data
datasets:
  shades: {kind: image-folder, path: datasets/shades, flip: false}
experiments:
  images:
    model: TokenShift
    backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 2, num_heads: 3}
    num_frames: 2
    iterations: 2
    precision: fp32
    datasets: {shades: 2}
studies:
  rate: {base: images, n_trials: 1, space: {optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}}
runtime: {workers: 1, gpus: 0, memory_gb: 1}
"""
# Appends to a file the moment before a module is imported; what is appended says when it runs.
HOOK = """\
import os, sys
at, server, file = os.environ["EDIT_AT"], os.environ["EDIT_SERVER"] == "1", os.environ["EDIT_FILE"]
here = any("forkserver" in argument for argument in sys.orig_argv)

class Editor:
    def find_spec(self, name, path=None, target=None):
        if name == at and here == server and not os.path.exists("edited"):
            open("edited", "w").close()
            with open(file, "a") as stream:
                stream.write("\\nopen('ran', 'w').close()\\n")

sys.meta_path.insert(0, Editor())
"""
MAIN, SERVER = False, True
TRAINER, BATCHES, MODEL = "numerics/trainer.py", "numerics/train_data.py", "numerics/models/tokenshift.py"
STOPS = {
    "before anything is imported": ("ivvit.numerics", MAIN, TRAINER),
    "before its own import": ("ivvit.numerics.trainer", MAIN, TRAINER),
    "after its own import": ("ivvit.numerics.training", MAIN, TRAINER),
    "before the model's import": ("ivvit.numerics.models.tokenshift", MAIN, MODEL),
    "before the workers' server": ("ivvit.runs.loader", MAIN, BATCHES),
    "in the workers' server": ("ivvit.numerics.train_data", SERVER, BATCHES),
}
FAST = {"in the workers' server"}


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package of its own, in which everything but the training has been done."""
    folder = tmp_path_factory.mktemp("ready")
    shutil.copytree(PACKAGE, folder / "ivvit", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "config").mkdir()
    (folder / "config" / "config.yaml").write_text(CONFIG)
    rng = np.random.default_rng(0)
    for split, label, index in np.ndindex(2, 2, 2):
        path = folder / f"data/datasets/shades/{('train', 'val')[split]}/class{label}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (32, 32, 3), dtype=np.uint8)).save(path)
    ran = ivvit(folder, "validate", "shades")
    assert ran.returncode == 0, ran.stderr
    return folder


@pytest.fixture
def folder(ready: Path, tmp_path: Path) -> Iterator[Path]:
    yield shutil.copytree(ready, tmp_path / "it", symlinks=True)


def ivvit(folder: Path, *arguments: str, **further: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if k not in ("IVVIT_CONFIG", "PYTHONPATH")}
    environment |= {"PYTHONPATH": f"{folder}/hook:{folder}", "OMP_NUM_THREADS": "1", **further}
    command = [sys.executable, "-m", "ivvit", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=600)


def edited_at(folder: Path, at: str, server: bool, file: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command during which a file of the package is edited when a module is about to be imported."""
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK)
    edit = {"EDIT_AT": at, "EDIT_SERVER": str(int(server)), "EDIT_FILE": f"ivvit/{file}"}
    ran = ivvit(folder, *arguments, **edit)
    assert (folder / "edited").exists(), f"{at} was not imported\n{ran.stderr}"
    return ran


@pytest.mark.parametrize(
    "moment", [moment if moment in FAST else pytest.param(moment, marks=pytest.mark.slow) for moment in STOPS]
)
def test_a_job_whose_code_changes_while_it_starts_writes_nothing(moment: str, folder: Path) -> None:
    at, server, file = STOPS[moment]
    ran = edited_at(folder, at, server, file, "train", "images")
    assert ran.returncode == 1
    assert f"code changed while this job started ({file}); nothing was run. Start snakemake again" in ran.stderr
    assert not (folder / "results/runs").exists() and not (folder / "results/experiments").exists()


@pytest.mark.slow
def test_code_that_changes_later_does_not_run(folder: Path) -> None:
    """The workers of the whole run have what the server had imported before the check."""
    ran = edited_at(folder, "ivvit.tracking.open", MAIN, BATCHES, "train", "images")
    assert ran.returncode == 0, ran.stderr
    assert not (folder / "ran").exists()
    assert len(list((folder / "results/runs").glob("*/seed0/model.safetensors"))) == 1


@pytest.mark.slow
def test_a_studys_worker_stops_as_well(folder: Path) -> None:
    ran = edited_at(folder, "ivvit.numerics.trainer", MAIN, TRAINER, "study", "work", "rate")
    assert ran.returncode == 1 and f"code changed while this job started ({TRAINER})" in ran.stderr
    assert not (folder / "results/studies").exists()


@pytest.mark.slow
def test_a_half_written_file_is_no_other_error(folder: Path) -> None:
    (folder / "hook").mkdir()
    (folder / "hook" / "sitecustomize.py").write_text(HOOK.replace("open('ran', 'w').close()", "def ("))
    edit = {"EDIT_AT": "ivvit.numerics.trainer", "EDIT_SERVER": "0", "EDIT_FILE": f"ivvit/{TRAINER}"}
    ran = ivvit(folder, "train", "images", **edit)
    assert ran.returncode == 1 and "Traceback" not in ran.stderr and "cannot be parsed" in ran.stderr
