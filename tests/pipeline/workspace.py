"""A workflow of its own: a copy of the project's files with tiny data, models of a few kilobytes and a study."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ivvit.demo.encode import FFV1, write_video

PROJECT = Path(__file__).parents[2]
PATIENCE = 3600
"""Seconds after which a process is taken to hang; a busy machine is slow."""
CONFIG = """\
root_path: data
datasets:
  shades: {kind: image-folder, path: datasets/shades, flip: false}
  moves: {kind: video-folder, path: datasets/moves, flip: false, clip_seconds: 0.24, max_damaged: 0.5}
  walks: {kind: video-folder, path: datasets/walks, flip: false, clip_seconds: 0.24, frames: original}
weights:
  local: {url: "file://{root_path}/pretrained_weight/local.pth"}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 2, num_heads: 3}
  num_frames: 2
  iterations: 2
  precision: fp32
  optimizer: {lr: 1.0e-3}
  datasets: {shades: 2, moves: 2}
experiments:
  joint: {model: IV-ViT, pretrain: local}
  shifted: {model: MSCA, datasets: {walks: 2}}
  images: {model: TokenShift, datasets: {shades: 2}}
  child: {extends: images, pretrain: "experiment:images"}
  tuned: {extends: images, from_study: rate, iterations: 3}
studies:
  rate: {base: images, n_trials: 2, space: {optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}}
runtime: {workers: 0, gpus: 0, memory_gb: 1}
"""
SMALL = "".join(
    line
    for line in CONFIG.splitlines(keepends=True)
    if not line.startswith(("  shifted", "  child", "  tuned", "studies", "  rate"))
)


def run(name: str) -> set[str]:
    """The jobs of a run: it is trained and evaluated."""
    return {f"train:{name}", f"evaluate:{name}"}


JOINT, SHIFTED, IMAGES, CHILD, TUNED = map(run, ("joint/0", "shifted/0", "images/0", "child/0", "tuned/0"))
STUDY = {"study:rate", "study_worker:rate"}
TRAINED = JOINT | SHIFTED | IMAGES | CHILD | TUNED
VALIDATED = {"validate:shades", "validate:moves", "validate:walks"}
STORED = {"extract:moves", "frames:moves"}
SMALL_EVERYTHING = JOINT | IMAGES | {"validate:shades", "validate:moves", "weights:local"} | STORED
EVERYTHING = TRAINED | STUDY | VALIDATED | STORED | {"weights:local"}

# Where each rule's log lies, so that a log written during a run tells that its job ran.
_LOGS = {
    "validate": re.compile(r"validate/(.+)-[0-9a-f]{16}\.log"),
    "extract": re.compile(r"extract/(.+?)-[0-9a-f]{16}-.*\.log"),
    "frames": re.compile(r"frames/(.+)-[0-9a-f]{16}\.log"),
    "weights": re.compile(r"weights/(.+)-[0-9a-f]{16}\.log"),
    "study_worker": re.compile(r"study/(.+?)-[0-9a-f]{16}-\d+-\d+\.log"),
    "study": re.compile(r"study/(.+?)-[0-9a-f]{16}-\d+\.log"),
    "train": re.compile(r"train/([0-9a-f]{16}-seed\d+)\.log"),
    "evaluate": re.compile(r"evaluate/([0-9a-f]{16}-seed\d+)-[0-9a-f]{16}\.log"),
    "tables": re.compile(r"(tables)/[0-9a-f]{16}\.log"),
}


@dataclass(frozen=True)
class Outcome:
    """What a real run did."""

    jobs: set[str]
    """`train:images/0`, `validate:shades`, ..., without tables."""
    status: int
    text: str


class Workspace:
    """A folder in which the workflow runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __truediv__(self, name: str) -> Path:
        return self.folder / name

    @classmethod
    def make(cls, folder: Path, config: str = CONFIG) -> "Workspace":
        """The project's files, a configuration, data and weights; nothing has run yet."""
        for name in ("workflow", "ivvit"):
            source = PROJECT / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            folder.mkdir(exist_ok=True, parents=True)
            copy(source, folder / name)
        (folder / "config").mkdir()
        (folder / "config" / "config.yaml").write_text(config)
        _make_data(folder / "data")
        return cls(folder)

    def copy(self, folder: Path) -> "Workspace":
        """The same again, times of files and folders included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return Workspace(folder)

    def manifests(self, dataset: str) -> list[Path]:
        """The folders of a data set's manifests, the last one first."""
        locks = (self.folder / "results/manifests" / dataset).glob("*/manifest.json")
        return [lock.parent for lock in sorted(locks, key=lambda lock: lock.stat().st_mtime, reverse=True)]

    def folder_of(self, name: str) -> Path:
        """The folder of an experiment's run."""
        return (self.folder / f"results/experiments/{name}/seed0/model.safetensors").resolve().parent

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that must be there."""
        path = self / file
        text = path.read_text()
        assert old in text, f"{old!r} is not in {file}"
        path.write_text(text.replace(old, new))

    def run(self, *arguments: str, cores: int = 2) -> Outcome:
        """Run snakemake, really."""
        before = {path: path.stat().st_mtime_ns for path in self._logs()}
        ran = self.python("-m", "snakemake", "--cores", str(cores), *arguments)
        text = ran.stdout + ran.stderr
        logs = [path for path in self._logs() if path.stat().st_mtime_ns != before.get(path)]
        jobs = {job for path in logs if (job := self._job(path))}
        if ran.returncode == 0:
            assert len(jobs) == _finished(text), f"{sorted(jobs)}\n{text}"
        return Outcome(jobs - {"tables:tables"}, ran.returncode, text)

    def ivvit(self, *arguments: str) -> str:
        """The output of an `ivvit` command that must succeed."""
        ran = self.python("-m", "ivvit", *arguments)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def states(self) -> dict[str, dict]:
        """`ivvit status --json` by `experiment/seed`."""
        return {f"{row['experiment']}/{row['seed']}": row for row in json.loads(self.ivvit("status", "--json"))}

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """A Python process in the folder that imports the folder's own package."""
        environment = {k: v for k, v in os.environ.items() if k not in ("IVVIT_CONFIG", "PYTHONPATH")}
        environment |= {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, timeout=PATIENCE
        )

    def _logs(self) -> Iterator[Path]:
        return (self / "logs").rglob("*.log")

    def _job(self, log: Path) -> str | None:
        name = log.relative_to(self / "logs").as_posix()
        for rule, pattern in _LOGS.items():
            if match := pattern.fullmatch(name):
                return f"{rule}:{self._run_name(match[1]) if rule in ('train', 'evaluate') else match[1]}"
        return None

    def _run_name(self, run: str) -> str:
        """`images/0`: of the experiments with this run, the first in the alphabet."""
        target = (self.folder / "results" / "runs" / Path(*run.split("-", 1))).resolve()
        links = sorted((self.folder / "results" / "experiments").glob("*/seed*/model.safetensors"))
        names = [f"{link.parts[-3]}/{link.parts[-2][4:]}" for link in links if link.resolve().parent == target]
        return names[0] if names else run


def _finished(text: str) -> int:
    """How many jobs snakemake says to have finished, without the targets that do nothing."""
    return len(re.findall(r"^Finished jobid: \d+ \(Rule: (?!all\)|runs\))", text, re.MULTILINE))


def touch_all(folder: Path) -> None:
    """Give every file and folder another time, in an order that has nothing to do with what made what."""
    now = time.time()
    paths = [path for path in folder.rglob("*") if not path.is_symlink()]
    for path, offset in zip(sorted(paths), np.random.default_rng(0).permutation(len(paths)), strict=True):
        os.utime(path, (now - offset, now - offset))


def _make_data(root: Path) -> None:
    rng = np.random.default_rng(0)
    for split, count in {"train": 4, "val": 2}.items():
        for label, index in np.ndindex(2, count):
            image = rng.integers(0, 60, (32, 32, 3)) + 60 * label
            path = root / "datasets" / "shades" / split / f"class{label}" / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image.astype(np.uint8)).save(path)
            for name in ("moves", "walks"):
                make_video(root / "datasets" / name / split / f"class{label}" / f"{index}.avi", rng)
    write_weights(root / "pretrained_weight" / "local.pth", seed=0)


def make_video(path: Path, rng: np.random.Generator) -> None:
    """Eight frames of noise, losslessly."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_video(path, rng.integers(0, 255, (8, 32, 32, 3), dtype=np.uint8), FFV1, fps=25)


def write_weights(path: Path, seed: int) -> None:
    """Weights of the experiments' backbone."""
    from ivvit.numerics.models import create_model

    torch.manual_seed(seed)
    sizes = {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 3}
    model = create_model("IV-ViT", {"any": 2}, backbone="vit_tiny_patch16_224", backbone_args=sizes)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save(model.backbone.state_dict(), path)
