"""All that promises equal bytes, made by one process: `python equal_bytes.py FOLDER` prints the digests of its files.

Run it under several values of glibc's MALLOC_PERTURB_: what reads memory that nobody wrote comes out different.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

import numpy as np

FIXED = 1_000_000_000
"""The modification time of all data files, in seconds: manifests record it."""
VOLATILE = ("*.cache.jsonl", "training/*/provenance.json", "*.log", "journal*", "*.html", "*.guard", "*.tmp")
"""Who, when, where and how fast: never promised to be equal."""


def demo(folder: Path) -> None:
    """The demo's clips in all its codings, its pictures' files and its weights."""
    from ivvit.demo import clips
    from ivvit.demo.data import _WRITERS
    from ivvit.demo.encode import FFV1, H264, XVID, write_video
    from ivvit.demo.weights import write_demo_weights

    rng = np.random.default_rng(0)
    for index in range(60):
        frames = clips.growing(rng)
        write_video(folder / f"{index}-h264.mp4", frames, H264, fps=30)
        if index % 10 == 0:
            write_video(folder / f"{index}-xvid.avi", frames, XVID, fps=25)
            write_video(folder / f"{index}-ffv1.avi", frames, FFV1, fps=25)
    for name in ("Tiny-ImageNet", "CIFAR100"):
        (folder / name).mkdir()
        _WRITERS[name](folder / name, rng)
    write_demo_weights(folder / "weights.pth")


def videos(folder: Path) -> None:
    """The tests' own H.264 videos."""
    from made_videos import CASES

    for name, write in CASES.items():
        if "libx264" in write.__code__.co_consts and "intra-refresh" not in name:
            write(folder / name)


def data(folder: Path) -> None:
    """Data sets, their manifests, and the frame store in both codecs."""
    from training_runs import DATASETS, make_data, write_data

    from ivvit.config import DatasetOptions
    from ivvit.data.extraction.lock import lock_store
    from ivvit.data.extraction.run import extract

    write_data(folder)
    for path in folder.rglob("*"):
        os.utime(path, (FIXED, FIXED))
    make_data(folder)
    options = DatasetOptions(**DATASETS["moves"], store={"codec": "ffv1"})
    extract("moves", options, folder, folder / "manifests/moves.json")
    lock_store("moves", options, folder, folder / "manifests/moves.json", folder / "frames/moves-ffv1.json")


def training(folder: Path) -> None:
    """Whole runs, with validations: models, checkpoints, and which samples they drew."""
    from training_runs import job

    from ivvit.runs.run import train

    settings = {"validation": {"every": 2}, "ema": 0.9, "num_frames": 4, "runtime": {"workers": 1}}
    for model in ("TokenShift", "MSCA", "polyvit"):
        run = folder / model
        train(job(folder.parent / "data", run, model=model, **settings), sample_log=run / "samples.csv")


def evaluation(folder: Path) -> None:
    """Predictions and numbers of those models, from several views."""
    from training_runs import DATASETS

    from ivvit.config import DatasetOptions, EvaluationOptions, RuntimeOptions
    from ivvit.runs.evaluate import evaluate_run
    from ivvit.runs.evaluation_job import EvaluatedDataset, EvaluationJob

    root, options = folder.parent / "data", EvaluationOptions(clips=2, crops=3, batch_size=4)
    datasets = tuple(
        EvaluatedDataset(name, DatasetOptions(**of), root / f"manifests/{name}.json", name)
        for name, of in DATASETS.items()
    )
    for run in sorted((folder.parent / "training").iterdir()):
        model, runtime = run / "model.safetensors", RuntimeOptions(workers=1, gpus=0)
        evaluate_run(EvaluationJob(model, folder / run.name, root, datasets, options, runtime))


def results(folder: Path) -> None:
    """Tables and figures of runs that took equally long."""
    from made_results import make_run

    from ivvit.results.comparison import compare
    from ivvit.results.figures import write_figures
    from ivvit.results.tables import write_tables

    strengths = {"a": {"UCF101": 0.6, "CIFAR100": 0.3}, "b": {"UCF101": 0.7, "CIFAR100": 0.8}}
    runs = [make_run(folder / "runs", name, seed, top1) for name, top1 in strengths.items() for seed in (0, 1)]
    comparison = compare(runs, baseline="a")
    write_tables(comparison, folder)
    write_figures(comparison, folder)


def study(folder: Path) -> None:
    """A study's table and its best parameters."""
    import study_runs

    from ivvit.study.finish import finish
    from ivvit.study.worker import work

    job = study_runs.study(folder / "0123", n_trials=3)
    work(job, train=study_runs.trainer())
    finish(job, job.folder / "best-3.yaml")


MAKERS = {maker.__name__: maker for maker in (demo, videos, data, training, evaluation, results, study)}


def digests(folder: Path) -> dict[str, str]:
    """The files below a folder that are promised to be equal, by their paths in it."""
    files = sorted(p for p in folder.rglob("*") if p.is_file() and not any(p.match(name) for name in VOLATILE))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def main() -> None:
    """Make everything in the folder of the command line."""
    root, found = Path(sys.argv[1]), {}
    root.mkdir()
    os.chdir(root)  # a run's folder is told as it was named
    for name, make in MAKERS.items():
        Path(name).mkdir()
        make(Path(name))
        found[name] = digests(Path(name))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
