"""Time and peak memory of a training iteration: each model against the plain timm ViT on the same frames.

The cases take turns, so that a busy machine slows all of them; the ratio to the floor is taken within each round, and
its median is reported. Goals: within 3% of the floor for IV-ViT, 6% for TokenShift and MSCA.
What bounds it: the floor's matrix products; the shifts add copies of tokens, MSCA's of keys, queries or values.

    python benchmarks/models.py --backbone vit_small_patch16_224 --frames 8 --rounds 5
"""

import argparse
import json
import multiprocessing
import platform
import re
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import ivvit.numerics.compat  # noqa: F401  (before timm)  # isort: skip
import timm
import torch
from common import RESULTS, hardware
from rich.console import Console
from rich.table import Table
from torch import nn

from ivvit.numerics.models import create_model

CLASSES = 101
CASES = {
    "timm ViT (floor)": None,
    "timm ViT, matmul-softmax": None,
    "IV-ViT": {},
    "TokenShift": {},
    "MSCA kv": {"shift": "kv"},
    "MSCA qk": {"shift": "qk"},
    "polyvit": {},
}


class Floor(nn.Module):
    """timm's own ViT and classifier on the frames of clips, logits averaged."""

    def __init__(self, backbone: str, fused: bool) -> None:
        super().__init__()
        self.vit = timm.create_model(backbone, num_classes=CLASSES)
        for block in self.vit.blocks:
            block.attn.fused_attn = fused

    def forward(self, x: torch.Tensor, dataset: str) -> torch.Tensor:
        """(B, T, C, H, W) -> (B, classes)."""
        return self.vit(x.flatten(0, 1)).unflatten(0, x.shape[:2]).mean(1)


def build(case: str, options: argparse.Namespace) -> Callable[[], None]:
    """A training iteration on one batch of clips: forward, backward, AdamW."""
    torch.manual_seed(0)
    if CASES[case] is None:
        model = Floor(options.backbone, fused="matmul" not in case)
    else:
        name = case.split()[0]
        model = create_model(name, {"clips": CLASSES}, options.backbone, options.frames, **CASES[case])
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    model = model.to(options.device, memory_format=layout)
    forward = torch.compile(model) if options.compile else model
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-5)
    size = getattr(model, "vit", getattr(model, "backbone", None)).patch_embed.img_size
    clips = torch.randn(options.batch, options.frames, 3, *size, device=options.device)
    labels = torch.zeros(options.batch, dtype=torch.long, device=options.device)
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[options.precision]

    def iterate() -> None:
        optimizer.zero_grad()
        with torch.autocast(options.device, dtype, enabled=dtype != torch.float32):
            loss = nn.functional.cross_entropy(forward(clips, "clips"), labels)
        loss.backward()
        optimizer.step()
        if options.device == "cuda":
            torch.cuda.synchronize()

    return iterate


def measure_times(options: argparse.Namespace) -> dict[str, list[float]]:
    """Seconds of each case in each round; the order turns from round to round."""
    iterations = {case: build(case, options) for case in CASES}
    for iterate in iterations.values():
        for _ in range(options.warmup):
            iterate()
    seconds: dict[str, list[float]] = {case: [] for case in CASES}
    cases = list(CASES)
    for round_ in range(options.rounds):
        shift = round_ % len(cases)
        for case in cases[shift:] + cases[:shift]:
            start = time.perf_counter()
            for _ in range(options.iterations):
                iterations[case]()
            seconds[case].append((time.perf_counter() - start) / options.iterations)
    return seconds


def measure_memory(case: str, options: argparse.Namespace) -> float:
    """Peak MiB of two iterations in a process of its own; on a CPU, beyond what the built model takes."""
    torch.set_num_threads(options.threads)
    iterate = build(case, options)
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    else:
        Path("/proc/self/clear_refs").write_text("5")  # the peak is counted from here
    before = peak_resident()
    for _ in range(2):
        iterate()
    return torch.cuda.max_memory_allocated() / 2**20 if options.device == "cuda" else peak_resident() - before


def peak_resident() -> float:
    """Peak resident MiB of this process (Linux); getrusage would count what the parent had when it forked."""
    found = re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text())
    return int(found[1]) / 1024


def summarise(seconds: dict[str, list[float]], memory: dict[str, float]) -> list[dict]:
    """A row per case: median time, median of the rounds' ratios to the floor, peak memory."""
    floor = next(iter(CASES))
    rows = []
    for case, values in seconds.items():
        ratios = [value / base for value, base in zip(values, seconds[floor], strict=True)]
        rows.append(
            {
                "case": case,
                "seconds": statistics.median(values),
                "ratio": statistics.median(ratios),
                "ratio_quartiles": statistics.quantiles(ratios, n=4)[::2] if len(ratios) > 1 else ratios * 2,
                "memory_mib": memory[case],
                "memory_ratio": memory[case] / memory[floor],
            }
        )
    return rows


def gpu_of(device: str) -> str | None:
    """The GPU's name, if it is one."""
    return torch.cuda.get_device_name() if device == "cuda" else None


def show(rows: list[dict], title: str) -> None:
    """Print the table."""
    table = Table("case", "s / iteration", "ratio to floor", "quartiles", "peak MiB", "ratio", title=title)
    for row in rows:
        low, high = row["ratio_quartiles"]
        table.add_row(
            row["case"],
            f"{row['seconds']:.4f}",
            f"{row['ratio']:.3f}",
            f"{low:.3f}-{high:.3f}",
            f"{row['memory_mib']:.0f}",
            f"{row['memory_ratio']:.2f}",
        )
    Console(width=110).print(table)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--backbone", default="vit_small_patch16_224")
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--iterations", type=int, default=1, help="per case and round")
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", choices=["fp32", "bf16", "fp16"], default="fp32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser.parse_args()


def main() -> None:
    """Measure, print, and write JSON."""
    options = parse()
    torch.set_num_threads(options.threads)
    seconds = measure_times(options)
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        memory = {case: pool.apply(measure_memory, (case, options)) for case in CASES}
    rows = summarise(seconds, memory)
    settings = {key: value for key, value in vars(options).items() if key != "results"}
    versions = {"torch": torch.__version__, "timm": timm.__version__, "python": platform.python_version()}
    show(rows, f"{options.backbone}, {options.batch} x {options.frames} frames, {options.precision}, {options.device}")
    options.results.mkdir(parents=True, exist_ok=True)
    path = options.results / f"{hardware(gpu_of(options.device))}-models.json"
    path.write_text(json.dumps({"settings": settings, "versions": versions, "rows": rows}, indent=2) + "\n")


if __name__ == "__main__":
    main()
