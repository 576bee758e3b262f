"""Small data sets and jobs that the tests of training share, and runs in processes of their own."""

import json
import os
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from ivvit.config import DatasetOptions, EvaluationOptions, RuntimeOptions
from ivvit.config.resolve import Config
from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob
from ivvit.runs.job import Interrupted, TrainJob

DATASETS = {
    "shades": {"kind": "image-folder", "path": "shades", "flip": False},
    "moves": {"kind": "video-folder", "path": "moves", "flip": False, "clip_seconds": 0.4},
}
TINY = {"name": "vit_tiny_patch16_224", "img_size": 32, "patch_size": 16, "embed_dim": 24, "depth": 2, "num_heads": 3}


def job(data: Path, folder: Path, *, seed: int = 0, weights: Path | None = None, **settings: Any) -> TrainJob:
    """A job of a few iterations; `runtime` and `options` are runtime options and those of all data sets, other settings
    are the experiment's."""
    runtime = {"workers": 0, "gpus": 0} | settings.pop("runtime", {})
    options = settings.pop("options", {})
    datasets = {name: dataset | options for name, dataset in DATASETS.items()}
    names = settings.pop("names", list(DATASETS))
    fields = {
        "backbone": TINY, "num_frames": 2, "iterations": 6, "precision": "fp32",
        "optimizer": {"name": "AdamW", "lr": 1e-3}, "datasets": dict.fromkeys(names, 4),
    } | settings  # fmt: skip
    config = Config({"root_path": str(data), "datasets": datasets, "experiments": {"tiny": fields}}, "test")
    return TrainJob(
        experiment=config.experiment("tiny"), seed=seed, folder=folder, root=data,
        manifests={name: data / "manifests" / f"{name}.json" for name in names},
        weights=weights, runtime=RuntimeOptions(**runtime), name="tiny",
    )  # fmt: skip


def wanted(
    root: Path, model: Path, folder: Path, *names: str, head: str | None = None, **settings: Any
) -> EvaluationJob:
    """An evaluation of a model on all data sets, or some; `settings` are evaluation options."""
    names = names or tuple(DATASETS)
    datasets = tuple(
        EvaluatedDataset(name, DatasetOptions(**DATASETS[name]), root / f"manifests/{name}.json", head or name)
        for name in names
    )
    runtime = RuntimeOptions(workers=0, gpus=0, checkpoint_minutes=1e-9)
    return EvaluationJob(model, folder, root, datasets, EvaluationOptions(**{"batch_size": 2} | settings), runtime)


def same_bits(one: Any, two: Any, where: str = "") -> None:
    """Compare nested state to the last bit, names included."""
    assert type(one) is type(two), where
    if isinstance(one, torch.Tensor):
        assert one.dtype == two.dtype and torch.equal(one.nan_to_num(), two.nan_to_num()), where
    elif isinstance(one, dict):
        assert list(one) == list(two), where
        for key in one:
            same_bits(one[key], two[key], f"{where}.{key}")
    elif isinstance(one, list | tuple):
        assert len(one) == len(two), where
        for i, pair in enumerate(zip(one, two, strict=True)):
            same_bits(*pair, f"{where}.{i}")
    else:
        assert one == two, where


def stop_at(*iterations: int) -> Callable[[int, dict], bool]:
    """A callback that asks this process to stop, as a scheduler does, once at each of the iterations."""
    left = set(iterations)

    def on_evaluation(iteration: int, metrics: dict) -> bool:
        if iteration in left:
            left.remove(iteration)
            os.kill(os.getpid(), signal.SIGUSR1)
        return False

    return on_evaluation


def train_stopped(
    run: Callable[[int], TrainJob], on_evaluation: Any, *, workers: Iterable[int] = (), **options: Any
) -> int:
    """Train run(workers) until it is done; gives the number of stops."""
    from ivvit.runs.run import train

    stops, left = 0, iter(workers)
    while True:
        try:
            train(run(next(left, 0)), on_evaluation, **options)
            return stops
        except Interrupted:
            assert not (run(0).folder / "model.safetensors").exists()
            stops += 1


def write_data(root: Path) -> None:
    """The files of both data sets."""
    rng = np.random.default_rng(0)
    for split, count in {"train": 8, "val": 5, "test": 4}.items():
        for label in range(3):
            for index in range(count):
                _write_image(root / "shades" / split / f"class{label}" / f"{index}.png", label, rng)
        for label in range(2):
            for index in range(count):
                _write_clip(root / "moves" / split / f"class{label}" / f"{index}.mp4", label, rng)


def make_data(root: Path) -> None:
    """Their manifests, and the frame store of the clips."""
    from ivvit.config import DatasetOptions
    from ivvit.data.extraction.lock import lock_store
    from ivvit.data.extraction.run import extract
    from ivvit.data.validation.run import validate

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


class Trainers:
    """Runs in processes of their own, forked from one that has imported everything: torch's import takes seconds."""

    def __init__(self) -> None:
        command = [sys.executable, __file__]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                        env=os.environ | {"OMP_NUM_THREADS": "1"})  # fmt: skip

    def start(self, data: Path, folder: Path, **settings: Any) -> int:
        """Start a run; gives its process number. Messages and the exit status go to files in `folder`."""
        folder.mkdir(exist_ok=True)
        self._parent.stdin.write(json.dumps([str(data), str(folder), settings]) + "\n")
        self._parent.stdin.flush()
        return int(self._parent.stdout.readline())

    def close(self) -> None:
        """End the parent; its children are left alone."""
        self._parent.stdin.close()
        self._parent.wait()


def alive(process: int) -> bool:
    """Whether a process that `Trainers` started is there."""
    return Path(f"/proc/{process}").exists()


def main() -> None:
    """The parent of `Trainers`: reads a line for each run."""
    import ivvit.runs.run

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # children vanish by themselves
    for line in sys.stdin:
        process = os.fork()
        if process == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _run_and_exit(ivvit.runs.run.train, *json.loads(line))
        print(process, flush=True)


def _run_and_exit(train: Any, data: str, folder: str, settings: dict[str, Any]) -> None:
    messages = os.open(f"{folder}/messages.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(messages, 1)
    os.dup2(messages, 2)
    status = 1
    try:
        train(job(Path(data), Path(folder), **settings), sample_log=Path(folder) / "samples.csv")
        status = 0
    except Exception as error:
        status = getattr(error, "exit_code", 1)
        traceback.print_exc()
    finally:
        Path(folder, "status").write_text(str(status))
        os._exit(status)


if __name__ == "__main__":
    main()
