"""How long training waits for its data: whole trainings on the demo's data sets, or on those below a folder.

    python benchmarks/waiting.py
    python benchmarks/waiting.py --root ~/data_root --datasets Tiny-ImageNet UCF101 --batches 16 4 --image-size 224

A folder has the layout of root_path/datasets; manifests and frame stores go to a temporary one. `data_share` is the
part of the training's time in which it waits for a batch; the goal is 2%.
What bounds it: the workers' processor time, `samples_per_second` times what `loading.py` says of a sample.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, hardware
from models import gpu_of
from rich.console import Console

from ivvit.config import RuntimeOptions
from ivvit.config.resolve import Config
from ivvit.data.extraction.lock import lock_store
from ivvit.data.extraction.run import extract
from ivvit.data.validation.run import validate
from ivvit.demo.data import write_demo_data
from ivvit.runs.job import TrainJob
from ivvit.runs.run import train


def measure(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Seconds by phase of one training, and the share of training that was waiting."""
    root = folder / "data"
    if options.root:
        root.mkdir()
        (root / "datasets").symlink_to(options.root.expanduser().resolve())
    else:
        write_demo_data(root)
    fields = {
        "model": options.model, "backbone": {"name": options.backbone, "img_size": options.image_size},
        "num_frames": options.frames, "iterations": options.iterations, "precision": options.precision,
        "datasets": dict(zip(options.datasets, options.batches, strict=True)),
    }  # fmt: skip
    overrides = {name: {"expect": "none"} for name in options.datasets}
    experiment = Config({"datasets": overrides, "experiments": {"waiting": fields}}, "waiting").experiment("waiting")
    manifests = {name: folder / "manifests" / f"{name}.json" for name in options.datasets}
    for name, dataset in experiment.data.items():
        validate(name, dataset, root, manifests[name])
        if dataset.is_video:
            extract(name, dataset, root, manifests[name], workers=os.cpu_count() or 1)
            lock_store(name, dataset, root, manifests[name], folder / "frames" / f"{name}.json")
    runtime = RuntimeOptions(workers=options.workers, threads=options.threads, gpus=int(torch.cuda.is_available()))
    train(TrainJob(experiment, 0, folder / "run", root, manifests, runtime=runtime, name="waiting"))
    speed = json.loads((folder / "run" / "provenance.json").read_text())["speed"]
    return speed | {"data_share": speed["data_seconds"] / (speed["data_seconds"] + speed["train_seconds"])}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="a folder of data sets; by default the demo's are made")
    parser.add_argument("--datasets", nargs="+", default=["Tiny-ImageNet", "CIFAR100", "UCF101", "Kinetics200"])
    parser.add_argument("--batches", type=int, nargs="+", default=[8, 8, 4, 4], help="in the order of the data sets")
    parser.add_argument("--model", default="TokenShift")
    parser.add_argument("--backbone", default="vit_tiny_patch16_224")
    parser.add_argument("--image-size", type=int, default=32)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--iterations", type=int, default=200)
    parser.add_argument("--precision", default="bf16" if torch.cuda.is_available() else "fp32")
    parser.add_argument("--workers", type=int, default=1, help="for each data set")
    parser.add_argument("--threads", type=int, default=1, help="of training on a CPU")
    parser.add_argument("--output", type=Path, help="the JSON file; by default named by the hardware and the data")
    return parser.parse_args()


def main() -> None:
    options = parse()
    where = hardware(gpu_of("cuda" if torch.cuda.is_available() else "cpu"))
    load = os.getloadavg()[0]  # of the machine, before: others may be at work
    with tempfile.TemporaryDirectory() as folder:
        result = measure(options, Path(folder))
    settings = {key: value for key, value in vars(options).items() if key not in ("output", "root")}
    report = {"hardware": where, "torch": torch.__version__, "load_average": load, "options": settings, **result}
    Console().print(report)
    output = options.output or RESULTS / f"{where}-waiting-{'real' if options.root else 'demo'}.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()
