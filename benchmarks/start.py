"""What starting costs before the first iteration: processor seconds of a process until all is imported, and of a run.

Training and evaluating against torch alone, which neither can do without, and against timm as it comes (with
torchvision and torch's compiler). All end as the `ivvit` command does, without taking the interpreter down, which with
torch is half a second. The last row is a whole `ivvit train` of one iteration and its evaluation, of a tiny model on 24
images without workers: nearly all of it is start.

    python benchmarks/start.py
    python benchmarks/start.py --against ../before    # a checkout of an earlier version takes turns

What bounds it: torch itself, two thirds of it.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import cpu_name, print_table, write_results
from PIL import Image

HERE = Path(__file__).parents[1]


def _imports(names: str) -> list[str]:
    return ["-c", f"import os, {names}; os._exit(0)"]


def _command(*words: str) -> list[str]:
    return ["-m", "ivvit", *words, "--config", "config.yaml"]


CASES = {
    "torch": _imports("torch"),
    "torch and timm": _imports("torch, ivvit.numerics.compat, torch._dynamo, timm"),
    "a loader's worker": _imports("ivvit.runs.loader"),
    "ivvit status": _command("status"),
    "to evaluate": _imports("ivvit.runs.evaluate, ivvit.numerics.models.iv_vit"),
    "to train": _imports("torch, ivvit.runs.run, ivvit.numerics.models.iv_vit"),
    "a whole run": _command("train", "tiny"),
}
"""What is measured, as options of Python."""
CONFIG = """
root_path: .
datasets: {shades: {kind: image-folder, path: shades}}
runtime: {workers: 0, gpus: 0}
experiments:
  tiny:
    backbone: {name: vit_tiny_patch16_224, img_size: 32, patch_size: 16, embed_dim: 24, depth: 2, num_heads: 3}
    datasets: {shades: {batch_size: 4}}
    iterations: 1
"""


def seconds(options: list[str], package: Path, folder: Path) -> float:
    """Processor seconds of Python, with its children, that runs this with this package."""
    before = os.times()
    environment = os.environ | {"PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, *options], check=True, cwd=folder, env=environment, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def prepare(folder: Path, package: Path) -> None:
    """Images, a configuration, and the manifest as this package makes it."""
    rng = np.random.default_rng(0)
    for number in range(24):
        file = folder / "shades" / ("train" if number % 3 else "val") / f"class{number % 2}" / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), np.uint8)).save(file)
    (folder / "config.yaml").write_text(CONFIG)
    seconds(_command("validate"), package, folder)


def measure(packages: dict[str, Path], rounds: int) -> dict[str, dict[str, list[float]]]:
    """Package -> case -> processor seconds; cases and packages take turns."""
    seen: dict[str, dict[str, list[float]]] = {name: {case: [] for case in CASES} for name in packages}
    with tempfile.TemporaryDirectory() as folder:
        for name, package in packages.items():
            prepare(Path(folder, name), package)
        for _ in range(rounds):
            for case, python in CASES.items():
                for name, package in packages.items():
                    shutil.rmtree(Path(folder, name, "results", "runs"), ignore_errors=True)
                    seen[name][case].append(seconds(python, package, Path(folder, name)))
    return seen


def main() -> None:
    """Print a table and write results/<processor>-start.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="the cases take turns so often (%(default)s)")
    parser.add_argument("--against", type=Path, help="a checkout of another version, measured beside this one")
    args = parser.parse_args()
    packages = {"here": HERE} | ({"against": args.against.resolve()} if args.against else {})
    seen = measure(packages, args.rounds)
    found = {name: {case: statistics.median(values) for case, values in of.items()} for name, of in seen.items()}
    base = found["here"]["torch and timm"]
    rows = [
        (case, f"{value:.1f}", f"{value / base:.2f}", *(f"{found[name][case]:.1f}" for name in found if name != "here"))
        for case, value in found["here"].items()
    ]
    head = ("process", "processor seconds", "of torch and timm", *(("against",) if args.against else ()))
    print_table(head, rows)
    ratios = {case: value / base for case, value in found["here"].items()}
    write_results("start", {"cpu": cpu_name(), "processor_seconds": seen, "of_torch_and_timm": ratios})


if __name__ == "__main__":
    main()
