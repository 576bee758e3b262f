"""Speed of training: samples/s, model FLOP utilisation, peak memory (on a CPU: so far) and where time goes.

The plain loop is the same mathematics written as the authors' code is: attention by matrix products, one default AdamW
per data set, fp16 autocast with a scaler on a GPU (fp32 on a CPU), nothing compiled. Both take turns, so that a busy
machine slows both; the median of the ratios within rounds is reported. Batches are synthetic (waiting.py uses data).
With --compile, each model's first rule is measured once more with compiled blocks; its first iteration is what that
costs, with nothing cached.

What bounds it on a CPU: matrix products and attention, which are the same libraries' for all three: half of the time of
ViT-Ti at 64 pixels, four fifths of ViT-S at 224 (`docs/scale.md`).

    python benchmarks/training.py --backbone vit_tiny_patch16_224 --image-size 64 --batches 8 8 2 2 --frames 4
"""

import argparse
import json
import os

os.environ["TORCHINDUCTOR_FORCE_DISABLE_CACHES"] = "1"  # before torch: what compiling costs without an earlier run's

# isort: split
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from common import RESULTS, hardware
from models import gpu_of
from rich.console import Console
from rich.table import Table
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from ivvit.config.resolve import Config
from ivvit.numerics.batch import Batch, Record
from ivvit.numerics.models import create_model
from ivvit.numerics.pixels import PAPER, normalize
from ivvit.numerics.trainer import Trainer
from ivvit.numerics.world import World
from ivvit.runs.progress import device_memory

CLASSES = {"Tiny-ImageNet": 200, "CIFAR100": 100, "UCF101": 101, "Kinetics200": 200}
Run = Callable[[], None]


def experiment(options: argparse.Namespace, model: str, rule: str) -> Any:
    backbone = {"name": options.backbone} | ({"img_size": options.image_size} if options.image_size else {})
    fields = {
        "model": model, "backbone": backbone, "num_frames": options.frames, "update_rule": rule, "iterations": 10**6,
        "precision": options.precision, "datasets": dict(zip(CLASSES, options.batches, strict=True)),
    }  # fmt: skip
    return Config({"experiments": {"benchmark": fields}}, "benchmark").experiment("benchmark")


def make(options: argparse.Namespace, wanted: Any) -> torch.nn.Module:
    torch.manual_seed(0)
    backbone = wanted.backbone
    return create_model(
        wanted.model.name, CLASSES, backbone.name, wanted.num_frames, backbone.args,
        **wanted.model.model_dump(exclude={"name"}),
    ).to(options.device)  # fmt: skip


def batches(options: argparse.Namespace, wanted: Any, size: int) -> dict[str, Batch]:
    """One batch of each data set in host memory, pinned for a GPU."""
    result = {}
    for name, use in wanted.datasets.items():
        frames = (options.frames,) if wanted.data[name].is_video else ()
        pixels = torch.randint(0, 256, (use.batch_size, *frames, 3, size, size), dtype=torch.uint8)
        batch = Batch(pixels, torch.zeros(use.batch_size, dtype=torch.int64), [Record(0, "synthetic")])
        result[name] = batch.pin_memory() if options.device == "cuda" else batch
    return result


def engine(options: argparse.Namespace, wanted: Any, compiled: bool) -> tuple[Trainer, Run]:
    trainer = Trainer(make(options, wanted), wanted, 0, torch.device(options.device), World(), compiled)
    data, counter = batches(options, wanted, trainer.model.backbone.patch_embed.img_size[0]), [0]

    def iterate() -> None:
        trainer.run(counter[0], data)
        counter[0] += 1

    return trainer, iterate


def plain(options: argparse.Namespace, wanted: Any) -> Run:
    model = make(options, wanted)
    for block in model.backbone.blocks:
        block.attn.fused_attn = False
    data = batches(options, wanted, model.backbone.patch_embed.img_size[0])
    optimizers = {name: torch.optim.AdamW(model.parameters(), lr=1e-5) for name in data}
    half = options.device == "cuda"
    scaler = torch.amp.GradScaler(options.device, enabled=half)

    def iterate() -> None:
        model.train()
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        for name, batch in data.items():
            with torch.autocast(options.device, torch.float16, enabled=half):
                loss = cross_entropy(
                    model(normalize(batch.pixels.to(options.device), PAPER), name), batch.labels.to(options.device)
                )
            scaler.scale(loss).backward()
            scaler.step(optimizers[name])
            loss.item()  # it logs every loss
        scaler.update()

    return iterate


def seconds(run: Run, options: argparse.Namespace) -> float:
    start = time.perf_counter()
    for _ in range(options.repeats):
        run()
    if options.device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) / options.repeats


def phases(trainer: Trainer, run: Run, options: argparse.Namespace) -> dict[str, float]:
    """Shares of an iteration, each phase waited for."""
    spent = {"backward": 0.0, "optimiser": 0.0}

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **keywords: Any) -> Any:
            sync(options)
            start = time.perf_counter()
            result = function(*arguments, **keywords)
            sync(options)
            spent[name] += time.perf_counter() - start
            return result

        return call

    backward, step = torch.Tensor.backward, trainer.step
    torch.Tensor.backward, trainer.step = timed("backward", backward), timed("optimiser", step)
    try:
        total = seconds(run, options) * options.repeats
    finally:
        torch.Tensor.backward = backward
        del trainer.step
    shares = {name: value / total for name, value in spent.items()}
    return {"forward and rest": 1 - sum(shares.values()), **shares}


def sync(options: argparse.Namespace) -> None:
    if options.device == "cuda":
        torch.cuda.synchronize()


def matmul_rate(options: argparse.Namespace) -> float:
    """Floating point operations per second of a large matrix product in the training's precision."""
    n = 8192 if options.device == "cuda" else 1024
    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[options.precision]
    a = torch.randn(n, n, device=options.device, dtype=dtype)
    run = lambda: torch.mm(a, a)  # noqa: E731
    seconds(run, options)
    return 2 * n**3 / min(seconds(run, options) for _ in range(3))


def operations(options: argparse.Namespace, wanted: Any) -> int:
    """Floating point operations of an iteration."""
    with FlopCounterMode(display=False) as counter:
        engine(options, wanted, compiled=False)[1]()
    return counter.get_total_flops()


def measure(options: argparse.Namespace, model: str, rule: str, compiled: bool, rate: float) -> dict[str, Any]:
    wanted = experiment(options, model, rule)
    flops = operations(options, wanted)
    trainer, ours = engine(options, wanted, compiled)
    begin = time.perf_counter()
    ours()
    sync(options)
    first = time.perf_counter() - begin
    if options.device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    seconds(ours, options)
    memory = device_memory(torch.device(options.device))
    theirs = plain(options, wanted) if rule == "cumulative" else None
    rounds = [(seconds(ours, options), seconds(theirs, options) if theirs else None) for _ in range(options.rounds)]
    time_of_ours = statistics.median(own for own, _ in rounds)
    samples = sum(options.batches)
    return {
        "model": model, "rule": rule, "compiled": compiled, "first_iteration_seconds": first,
        "seconds": time_of_ours, "samples_per_second": samples / time_of_ours,
        "flop_utilisation": flops / time_of_ours / rate, "peak_memory_gib": memory,
        "plain_loop_ratio": statistics.median(other / own for own, other in rounds) if theirs else None,
        "shares": phases(trainer, ours, options),
    }  # fmt: skip


def show(rows: list[dict[str, Any]]) -> None:
    table = Table(
        "model", "rule", "first", "samples/s", "of matmul", "GiB", "plain / ours", "forward backward optimiser"
    )
    for row in rows:
        ratio = row["plain_loop_ratio"]
        table.add_row(
            row["model"], row["rule"] + ", compiled" * row["compiled"], f"{row['first_iteration_seconds']:.0f} s",
            f"{row['samples_per_second']:.1f}", f"{row['flop_utilisation']:.0%}",
            f"{row['peak_memory_gib']:.2f}", f"{ratio:.2f}" if ratio else "",
            " ".join(f"{share:.0%}" for share in row["shares"].values()),
        )  # fmt: skip
    Console().print(table)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", default=["IV-ViT", "TokenShift", "MSCA", "polyvit"])
    parser.add_argument("--rules", nargs="+", default=["cumulative", "sequential", "joint"])
    parser.add_argument("--backbone", default="vit_base_patch16_224")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--batches", type=int, nargs=4, default=[16, 16, 4, 4], help="in the order of the data sets")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--precision", help="by default bf16 on a GPU and fp32 on a CPU")
    parser.add_argument("--compile", action="store_true", help="measure compiled blocks as well")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--repeats", type=int, default=3, help="iterations per measurement")
    parser.add_argument("--output", type=Path, help="the JSON file; by default named by the hardware")
    options = parser.parse_args()
    options.precision = options.precision or ("bf16" if options.device == "cuda" else "fp32")
    return options


def main() -> None:
    options = parse()
    where = hardware(gpu_of(options.device))
    result: dict[str, Any] = {"hardware": where, "torch": torch.__version__, "threads": torch.get_num_threads()}
    result["load_average"] = os.getloadavg()[0]  # of the machine, before: others may be at work
    result["options"] = {key: value for key, value in vars(options).items() if key != "output"}
    rate = matmul_rate(options)
    result["matmul_tflops"] = rate / 1e12
    cases = [(rule, False) for rule in options.rules] + [(rule, True) for rule in options.rules[:1] if options.compile]
    result["rows"] = [measure(options, model, *case, rate) for model in options.models for case in cases]
    show(result["rows"])
    output = options.output or RESULTS / f"{where}-training.json"
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
