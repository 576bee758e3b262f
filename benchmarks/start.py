"""What starting costs before the first iteration: processor seconds of a fresh process until all is imported.

Training and evaluating against torch alone, which neither can do without, and against timm as it comes (with
torchvision, whose operators import torch's compiler).

    python benchmarks/start.py

What bounds it: torch itself; a training's optimiser imports torch's compiler when it is made (of torch's own accord).
"""

import argparse
import os
import statistics
import subprocess
import sys

from common import cpu_name, print_table, write_results

CASES = {
    "torch": "import torch",
    "torch and timm": "import torch, ivvit.numerics.compat, torch._dynamo, timm",
    "a loader's worker": "import ivvit.runs.loader",
    "ivvit evaluate": "import ivvit.runs.evaluate, ivvit.numerics.models",
    "ivvit train": "import torch, ivvit.runs.run, ivvit.numerics.models\n"
    "torch.optim.AdamW([torch.nn.Parameter(torch.ones(1))])",
}


def seconds(code: str) -> float:
    """Processor seconds of a process that runs this code."""
    before = os.times()
    subprocess.run([sys.executable, "-c", code], check=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def main() -> None:
    """Print a table and write results/<processor>-start.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="the cases take turns so often (%(default)s)")
    args = parser.parse_args()
    seen: dict[str, list[float]] = {case: [] for case in CASES}
    for _ in range(args.rounds):
        for case, code in CASES.items():
            seen[case].append(seconds(code))
    found = {case: statistics.median(values) for case, values in seen.items()}
    base = found["torch and timm"]
    rows = [(case, f"{value:.1f}", f"{value / base:.2f}") for case, value in found.items()]
    print_table(("process", "processor seconds", "of torch and timm"), rows)
    ratios = {case: value / base for case, value in found.items()}
    write_results("start", {"cpu": cpu_name(), "processor_seconds": seen, "of_torch_and_timm": ratios})


if __name__ == "__main__":
    main()
