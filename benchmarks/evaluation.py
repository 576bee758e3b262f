"""Views a second and core: 10 clips x 3 crops of each video, as video models are evaluated.

Real UCF101 clips, 16 frames of 2.56 s, short side 256, crops of 224, each case alone in a process with one thread:
this project from the frame store and from the originals; PyAV and torchvision by mmaction2's steps (PyAVDecode: all
frames of the video to RGB; Resize of the 160 that the clips name; ThreeCrop; FormatShape); and clip by clip, which
decodes shared frames again.

    python benchmarks/evaluation.py --data ../shared/data

What bounds ours: scaling each frame once, and copying 30 views; from the originals, decoding the whole video.
"""

import argparse
import importlib
import os
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from common import alone, cpu_name, print_table, write_results
from loading import FRAMES, SECONDS, SIZE, _options, _validate

CLIPS, CROPS, SHORT = 10, 3, 256


def ours(work: Path, frames: str) -> Iterator[int]:
    """This project's evaluation, a video after the other."""
    from ivvit.runs.inputs import open_eval

    data = open_eval("avi", _options("avi", frames), work, work / "avi.json", img_size=SIZE, num_frames=FRAMES,
                     split="train", clips=CLIPS, crops=CROPS)  # fmt: skip
    while True:
        for index in range(len(data.samples)):
            yield data.batch([index]).pixels.shape[1]


def by_steps(work: Path, again: bool) -> Iterator[int]:
    """mmaction2's steps; with `again`, the video is opened and decoded for each clip."""
    importlib.import_module("ivvit.numerics.compat")
    import torch
    from torchvision.transforms.v2 import functional

    files = sorted((work / "avi/train").glob("*/*"))
    while True:
        for file in files:
            views = []
            frames = None if again else _decoded(file)
            for clip in range(CLIPS):
                known = _decoded(file) if frames is None else frames
                length = min(round(SECONDS * 25), len(known))
                start = (len(known) - length) * clip // (CLIPS - 1)
                picked = [known[start + i * (length - 1) // (FRAMES - 1)] for i in range(FRAMES)]
                scaled = functional.resize(torch.stack(picked), [SHORT], antialias=True)
                room, top = scaled.shape[-1] - SIZE, (SHORT - SIZE) // 2
                views += [scaled[..., top : top + SIZE, left : left + SIZE] for left in (0, room // 2, room)]
            yield len(torch.stack(views))


def _decoded(file: Path) -> list:
    import av
    import torch

    with av.open(str(file), metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        stream.thread_count, stream.thread_type = 1, "NONE"
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
    return [torch.from_numpy(frame).permute(2, 0, 1) for frame in frames]


CASES: dict[str, tuple[Callable[..., Iterator[int]], object]] = {
    "PyAV + torchvision, mmaction2's steps": (by_steps, False),
    "PyAV + torchvision, clip by clip": (by_steps, True),
    "ivvit, original": (ours, "original"),
    "ivvit, frame store": (ours, "store"),
}


def measure(case: str, work: Path, seconds: float) -> float:
    """Views a second of processor time, after a warm-up."""
    import torch

    torch.set_num_threads(1)
    run, how = CASES[case]
    views = run(work, how)
    next(views)
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        count += next(views)
    return count / (time.process_time() - begin)


def main() -> None:
    """Print a table and write results/<processor>-evaluation.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real files (%(default)s)")
    parser.add_argument("--seconds", type=float, default=3, help="processor time per measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="the cases take turns so often (%(default)s)")
    args = parser.parse_args()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        for source in sorted((args.data / "UCF101/video").glob("*/*.avi"))[::10]:
            for split in ("train", "val"):
                (work / "avi" / split / source.parent.name).mkdir(parents=True, exist_ok=True)
            shutil.copy(source, work / "avi/train" / source.parent.name)
        _validate(work, "avi", "store")
        seen: dict[str, list[float]] = {case: [] for case in CASES}
        for _ in range(args.rounds):
            for case, rates in seen.items():
                rates.append(alone(measure, case, work, args.seconds))
    rates = {case: statistics.median(values) for case, values in seen.items()}
    first = next(iter(rates.values()))
    print_table(
        ("loader", "views/s and core", "times the first"),
        [(case, f"{rate:.0f}", f"{rate / first:.2f}") for case, rate in rates.items()],
    )
    ratios = {case: rate / first for case, rate in rates.items()}
    content = {"cpu": cpu_name(), "clips": CLIPS, "crops": CROPS, "views_per_second": seen}
    write_results("evaluation", content | {"times_mmaction2s_steps": ratios})


if __name__ == "__main__":
    main()
