"""Clips and images a second and core: this project's loaders against those that people use, on the same files.

Clips are 16 frames of a 2.56 s window at 224 pixels, augmented for training; each loader runs alone in a process with
one thread. Goals: 2.5 times torchcodec's from the frame store, 1.3 times from the originals; images three times
torchvision's ImageFolder recipe; 12 times pytorchvideo's (as the authors configured it) from the store; a worker under
350 MB.

The competitors are installed for this script only, into a folder of their own:

    pip install --no-deps --target /tmp/rivals pytorchvideo fvcore iopath parameterized portalocker termcolor yacs \\
        torchcodec==0.13.0
    python benchmarks/loading.py --data ../shared/data --rivals /tmp/rivals --memory-clips 10000

What bounds ours: from the store, decoding the JPEGs' segments under the crop (a half) and scaling (a third); from
MPEG-4 and H.264, decoding the frames between the wanted ones, for which both call the same FFmpeg: where every frame
refers to the one before, 1.3 is out of reach. For small images, scaling.

torchcodec is given PyAV's FFmpeg (this script starts itself again to that end), so that both decode with the same code;
what cannot be imported is left out, and said so.
"""

import argparse
import importlib
import multiprocessing
import os
import re
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

from common import alone, cpu_name, resident, write_results
from rich.console import Console
from rich.table import Table

CODED = {"h264": (0, "keyint=9999:scenecut=0"), "web": (3, "keyint=250")}
"""Folder -> frames between two that others refer to, and x264's parameters."""
FRAMES, SECONDS, SIZE, BATCH = 16, 2.56, 224, 4
Loader = Callable[[], Iterator[int]]
"""Calling it gives an endless iterator that yields how many samples came."""


def prepare(shared: Path, work: Path, videos: int) -> None:
    """Real UCF101 clips as they are (avi), as H.264 (one key frame; as hosts code it), and a store."""
    sources = sorted((shared / "UCF101/video").glob("*/*.avi"))[:: max(1, 90 // videos)][:videos]
    for source in sources:
        label = source.parent.name
        for folder in ("avi", *CODED):
            for split in ("train", "val"):
                (work / folder / split / label).mkdir(parents=True, exist_ok=True)
        shutil.copy(source, work / "avi/train" / label)
        for folder, (bframes, params) in CODED.items():
            _code(source, work / folder / "train" / label / f"{source.stem}.mp4", bframes, params)
    os.symlink((shared / "Tiny-ImageNet/tiny-imagenet").resolve(), work / "images")
    for name, frames in (("avi", "store"), *((name, "original") for name in CODED), ("images", None)):
        _validate(work, name, frames)


def _code(source: Path, target: Path, bframes: int, params: str) -> None:
    import av

    from ivvit.numerics.decode import decode_all

    with av.open(str(target), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"x264-params": params})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        stream.codec_context.max_b_frames = bframes
        for index, frame in enumerate(decode_all(source)):
            picture = frame.reformat(format="yuv420p")
            picture.pts, picture.time_base = index, Fraction(1, 25)
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


def _options(name: str, frames: str | None) -> "object":
    from ivvit.config.datasets import DatasetOptions

    kind = "image-folder" if name == "images" else "video-folder"
    return DatasetOptions(kind=kind, path=name, clip_seconds=SECONDS, frames=frames or "original")


def _validate(work: Path, name: str, frames: str | None) -> None:
    from ivvit.data.extraction import extract
    from ivvit.data.validation import validate

    options = _options(name, frames)
    validate(name, options, work, work / f"{name}.json", workers=2)
    if frames == "store":
        extract(name, options, work, work / f"{name}.json", workers=2)


def ours(work: Path, name: str, frames: str | None = None) -> Loader:
    """This project's training batches."""

    def run() -> Iterator[int]:
        from ivvit.runs.inputs import open_train

        data = open_train(name, _options(name, frames), work, work / f"{name}.json",
                          img_size=SIZE, num_frames=FRAMES, seed=0)  # fmt: skip
        size, step = (16, 0) if name == "images" else (BATCH, 0)
        while True:
            yield len(data.batch(step, size).labels)
            step += 1

    return run


def pytorchvideo(work: Path, name: str) -> Loader:
    """pytorchvideo's loader with the transforms of the authors' dataset code."""

    def run() -> Iterator[int]:
        importlib.import_module("ivvit.numerics.compat")
        import torch
        import torchvision.transforms._functional_tensor as functional_tensor

        sys.modules["torchvision.transforms.functional_tensor"] = functional_tensor
        from pytorchvideo.data import LabeledVideoDataset, make_clip_sampler
        from pytorchvideo.transforms import (
            ApplyTransformToKey,
            Normalize,
            RandomShortSideScale,
            RemoveKey,
            UniformTemporalSubsample,
        )
        from torchvision.transforms import Compose, Lambda, RandomCrop, RandomHorizontalFlip

        transform = Compose(
            [
                ApplyTransformToKey(
                    "video",
                    Compose(
                        [
                            UniformTemporalSubsample(FRAMES),
                            Lambda(lambda x: x / 255.0),
                            Normalize([0.45] * 3, [0.225] * 3),
                            RandomShortSideScale(min_size=256, max_size=320),
                            RandomCrop(SIZE),
                            RandomHorizontalFlip(),
                        ]
                    ),
                ),
                RemoveKey("audio"),
            ]
        )
        files = [(str(file), {"label": 0}) for file in sorted((work / name / "train").glob("*/*"))]
        while True:
            sampler = make_clip_sampler("random", SECONDS)
            dataset = LabeledVideoDataset(files, sampler, transform=transform, decode_audio=False)
            for batch in torch.utils.data.DataLoader(dataset, batch_size=BATCH):
                yield len(batch["label"])

    return run


def by_hand(work: Path, name: str, decode: str) -> Loader:
    """torchcodec or plain PyAV (seek, decode, convert what is needed), then torchvision on the whole clip."""

    def run() -> Iterator[int]:
        importlib.import_module("ivvit.numerics.compat")
        import torch
        from torchvision.transforms import v2

        read = {"torchcodec": _torchcodec, "PyAV": _pyav}[decode]
        files = sorted((work / name / "train").glob("*/*"))
        flip, crop = v2.RandomHorizontalFlip(), v2.RandomCrop(SIZE)
        torch.manual_seed(0)
        while True:
            clips = []
            for _ in range(BATCH):
                clip = read(files[int(torch.randint(len(files), ()))])
                side = int(torch.randint(256, 321, ()))
                clips.append(flip(crop(v2.functional.resize(clip, [side], antialias=True))).contiguous())
            yield len(torch.stack(clips))

    return run


def _window(frames: int) -> list[int]:
    import torch

    length = min(64, frames)
    start = int(torch.randint(frames - length + 1, ()))
    return [start + i * (length - 1) // (FRAMES - 1) for i in range(FRAMES)]


def _torchcodec(file: Path) -> "object":
    from torchcodec.decoders import VideoDecoder

    decoder = VideoDecoder(str(file), num_ffmpeg_threads=1, seek_mode="approximate")
    return decoder.get_frames_at(_window(decoder.metadata.num_frames)).data


def _pyav(file: Path) -> "object":
    import av
    import numpy as np
    import torch

    with av.open(str(file), metadata_errors="ignore") as container:
        stream = container.streams.video[0]
        stream.thread_count, stream.thread_type = 1, "NONE"
        wanted = _window(stream.frames)
        container.seek(int(wanted[0] / stream.average_rate / stream.time_base), stream=stream, backward=True)
        kept = {}
        for frame in container.decode(stream):
            index = round(float(frame.pts * stream.time_base * stream.average_rate))
            if index in wanted:
                kept[index] = frame.to_ndarray(format="rgb24")
            if index >= wanted[-1]:
                break
    frames = [kept[min(kept, key=lambda i, w=w: abs(i - w))] for w in wanted]
    return torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2)


def image_folder(work: Path, name: str) -> Loader:
    """torchvision's reference recipe on PIL images."""

    def run() -> Iterator[int]:
        importlib.import_module("ivvit.numerics.compat")
        import torch
        from torchvision import datasets, transforms

        transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(SIZE),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize([0.45] * 3, [0.225] * 3),
            ]
        )
        folder = datasets.ImageFolder(str(work / name / "train"), transform)
        while True:
            for images, _ in torch.utils.data.DataLoader(folder, batch_size=16, shuffle=True):
                yield len(images)

    return run


def cases(work: Path) -> dict[tuple[str, str], Loader]:
    """(what is read, loader's name) -> loader."""
    return {
        ("MPEG-4 AVI", "pytorchvideo"): pytorchvideo(work, "avi"),
        ("MPEG-4 AVI", "torchcodec"): by_hand(work, "avi", "torchcodec"),
        ("MPEG-4 AVI", "plain PyAV"): by_hand(work, "avi", "PyAV"),
        ("MPEG-4 AVI", "ivvit, original"): ours(work, "avi", "original"),
        ("MPEG-4 AVI", "ivvit, frame store"): ours(work, "avi", "store"),
        ("H.264, one key frame", "pytorchvideo"): pytorchvideo(work, "h264"),
        ("H.264, one key frame", "torchcodec"): by_hand(work, "h264", "torchcodec"),
        ("H.264, one key frame", "plain PyAV"): by_hand(work, "h264", "PyAV"),
        ("H.264, one key frame", "ivvit, original"): ours(work, "h264", "original"),
        ("H.264 with B-frames", "torchcodec"): by_hand(work, "web", "torchcodec"),
        ("H.264 with B-frames", "plain PyAV"): by_hand(work, "web", "PyAV"),
        ("H.264 with B-frames", "ivvit, original"): ours(work, "web", "original"),
        ("64 px JPEG", "torchvision ImageFolder"): image_folder(work, "images"),
        ("64 px JPEG", "ivvit"): ours(work, "images"),
    }


def _measure(case: tuple[str, str], work: Path, rivals: str, seconds: float) -> tuple[float | None, str]:
    """Samples per second of processor time (one thread), after a warm-up."""
    sys.path.append(rivals)
    import torch

    torch.set_num_threads(1)
    try:
        samples = cases(work)[case]()
        for _ in range(2):
            next(samples)
    except (ImportError, RuntimeError, OSError) as error:
        return None, f"{type(error).__name__}: {str(error).splitlines()[0][:90]}"
    count, begin = 0, time.process_time()
    while time.process_time() - begin < seconds:
        count += next(samples)
    return count / (time.process_time() - begin), ""


def _memory(work: Path, clips: int) -> list[tuple[int, float]]:
    """Resident memory (MB) of a loader's worker along `clips` clips from the frame store."""
    from ivvit.runs.inputs import open_train
    from ivvit.runs.loader import train_loader

    data = open_train(
        "avi", _options("avi", "store"), work, work / "avi.json", img_size=SIZE, num_frames=FRAMES, seed=0
    )
    steps, seen = clips // BATCH, []
    for step, _ in enumerate(train_loader(data, batch_size=BATCH, first_step=0, last_step=steps, workers=1), 1):
        if step % max(1, steps // 10) == 0 and step < steps:  # the worker ends with the last batch
            seen.append((step * BATCH, max(resident(child.pid) for child in multiprocessing.active_children())))
    return seen


def _table(rates: dict[tuple[str, str], float | None], notes: dict[tuple[str, str], str]) -> Table:
    table = Table("files", "loader", "samples/s and core", "times the first")
    for (files, loader), rate in rates.items():
        first = next(value for (other, _), value in rates.items() if other == files)
        ratio = f"{rate / first:.1f}" if rate and first else ""
        table.add_row(files, loader, f"{rate:.1f}" if rate else f"left out ({notes[(files, loader)]})", ratio)
    return table


def main() -> None:
    """Print a table and write results/<processor>-loading.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real files (%(default)s)")
    parser.add_argument("--rivals", default="", help="where the competitors are installed")
    parser.add_argument("--videos", type=int, default=15, help="number of UCF101 clips (%(default)s)")
    parser.add_argument("--seconds", type=float, default=4, help="processor time per measurement (%(default)s)")
    parser.add_argument("--rounds", type=int, default=3, help="the loaders take turns so often (%(default)s)")
    parser.add_argument("--memory-clips", type=int, default=0, help="also watch memory over so many clips")
    parser.add_argument("--only", default="", help="measure only rows that contain this text")
    args = parser.parse_args()
    _with_ffmpeg()
    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        prepare(args.data, work, args.videos)
        names, notes = [name for name in cases(work) if args.only in " ".join(name)], {}
        seen: dict[tuple[str, str], list[float]] = {name: [] for name in names}
        for _ in range(args.rounds):
            for name in names:
                rate, notes[name] = alone(_measure, name, work, args.rivals, args.seconds)
                if rate:
                    seen[name].append(rate)
        rates = {name: statistics.median(values) if values else None for name, values in seen.items()}
        memory = alone(_memory, work, args.memory_clips) if args.memory_clips else []
    Console(width=110).print(_table(rates, notes))
    for done, megabytes in memory:
        print(f"{done:6d} clips: {megabytes:.0f} MB resident")
    _write(args, rates, seen, notes, memory)


def _write(args: argparse.Namespace, rates: dict, seen: dict, notes: dict, memory: list) -> None:
    import av
    import torch

    content = {
        "cpu": cpu_name(), "torch": torch.__version__, "av": av.__version__, "videos": args.videos,
        "rounds": args.rounds,
        "loaders": [
            {"files": files, "loader": loader, "samples_per_second_and_core": rate,
             "rounds": seen[(files, loader)], "left_out": notes[(files, loader)]}
            for (files, loader), rate in rates.items()
        ],
        "resident_megabytes": memory,
    }  # fmt: skip
    write_results("loading" + (f"-{args.only.replace(' ', '-')}" if args.only else ""), content)


def _with_ffmpeg() -> None:
    """Start again with PyAV's FFmpeg under the names that torchcodec looks for."""
    if "IVVIT_FFMPEG" in os.environ:
        return
    import av

    libraries, folder = Path(av.__file__).parents[1] / "av.libs", tempfile.mkdtemp()
    for file in libraries.glob("lib*"):
        if found := re.match(r"(lib(?:av|sw)[a-z]+)-[0-9a-f]+\.so\.(\d+)", file.name):
            os.symlink(file, f"{folder}/{found[1]}.so.{found[2]}")
    paths = f"{folder}:{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"LD_LIBRARY_PATH": paths, "IVVIT_FFMPEG": "1"})


if __name__ == "__main__":
    main()
