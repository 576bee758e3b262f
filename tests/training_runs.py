"""Small data sets and jobs that the tests of training share; also a program that does a run in a process of its own."""

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ivvit.config import RuntimeOptions
from ivvit.config.resolve import Config
from ivvit.training.job import TrainJob

DATASETS = {
    "shades": {"kind": "image-folder", "path": "shades", "flip": False},
    "moves": {"kind": "video-folder", "path": "moves", "flip": False, "clip_seconds": 0.4},
}
TINY = {"name": "vit_tiny_patch16_224", "img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 2, "num_heads": 3}


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with two validated data sets: images `shades` (3 classes) and clips `moves` (2 classes)."""
    root = tmp_path_factory.getbasetemp() / "training-data"
    if not root.is_dir():
        _make(root)
    return root


def job(data: Path, folder: Path, *, seed: int = 0, weights: Path | None = None, **settings: Any) -> TrainJob:
    """A job of a few iterations; `runtime` is a dictionary of runtime options, other settings are the experiment's."""
    runtime = {"workers": 0, "gpus": 0} | settings.pop("runtime", {})
    names = settings.pop("names", list(DATASETS))
    fields = {
        "backbone": TINY, "num_frames": 2, "iterations": 6, "precision": "fp32",
        "optimizer": {"name": "AdamW", "lr": 1e-3}, "datasets": dict.fromkeys(names, 4),
    } | settings  # fmt: skip
    config = Config({"root_path": str(data), "datasets": DATASETS, "experiments": {"tiny": fields}}, "test")
    return TrainJob(
        experiment=config.experiment("tiny"), seed=seed, folder=folder, root=data,
        manifests={name: data / "manifests" / f"{name}.json" for name in names},
        weights=weights, runtime=RuntimeOptions(**runtime), name="tiny",
    )  # fmt: skip


def _make(root: Path) -> None:
    from ivvit.config import DatasetOptions
    from ivvit.data.extraction.lock import lock_store
    from ivvit.data.extraction.run import extract
    from ivvit.data.validation.run import validate

    rng = np.random.default_rng(0)
    for split, count in {"train": 8, "val": 5}.items():
        for label in range(3):
            for index in range(count):
                _write_image(root / "shades" / split / f"class{label}" / f"{index}.png", label, rng)
        for label in range(2):
            for index in range(count):
                _write_clip(root / "moves" / split / f"class{label}" / f"{index}.mp4", label, rng)
    for name, options in DATASETS.items():
        manifest = root / "manifests" / f"{name}.json"
        validate(name, DatasetOptions(**options), root, manifest)
        if options["kind"] == "video-folder":
            extract(name, DatasetOptions(**options), root, manifest)
            lock_store(name, DatasetOptions(**options), root, manifest, root / "frames" / f"{name}.json")


def _write_image(path: Path, label: int, rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = rng.integers(0, 60, (40, 36, 3)) + 60 * label
    Image.fromarray(noise.astype(np.uint8)).save(path)


def _write_clip(path: Path, label: int, rng: np.random.Generator) -> None:
    from ivvit.demo.encode import H264, write_video

    path.parent.mkdir(parents=True, exist_ok=True)
    frames = rng.integers(0, 60, (12, 32, 32, 3)) + (np.arange(12)[:: 1 - 2 * label] * 10)[:, None, None, None]
    write_video(path, frames.astype(np.uint8), H264, fps=25)


def main() -> None:
    """`python training_runs.py DATA FOLDER SETTINGS`: train; exit status 75 after a stop, 1 after a user's error."""
    from ivvit.errors import UserError
    from ivvit.training.run import train

    data, folder, settings = Path(sys.argv[1]), Path(sys.argv[2]), json.loads(sys.argv[3])
    try:
        train(job(data, folder, **settings), sample_log=folder / "samples.csv")
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(getattr(error, "exit_code", 1))


if __name__ == "__main__":
    main()
