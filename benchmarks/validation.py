"""Validating: images and videos a second on one core, and memory by the number of files.

Images against a loop that opens and decodes each with Pillow; videos against `ffprobe -count_frames` (where there is
none, against PyAV counting frames in this process), both of which neither hash a file nor check that seeking is exact.
Memory is the peak of processes that validate images of 8 x 8 pixels, at two numbers of files: what a file adds.

    python benchmarks/validation.py --data ../shared/data

What bounds it: decoding; of small images, Python.
"""

import argparse
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
from common import alone, cpu_name, print_table, write_results

IMAGES, PIXELS = 4_000, 224
COUNTS = (60_000, 200_000)
"""Several times what is held at a time (`ivvit.data.columns.BATCH`), which would be taken for growth."""


def pictures(folder: Path, count: int, size: int, suffix: str) -> None:
    """Different images below {train,val}/{0,1}."""
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (size + 64, size + 64, 3), np.uint8)
    for number in range(count):
        file = folder / ("train" if number % 10 else "val") / str(number % 2) / f"{number:08d}{suffix}"
        file.parent.mkdir(parents=True, exist_ok=True)
        y, x = divmod(number, 64)
        part = noise[y % 64 : y % 64 + size, x : x + size].copy()
        part[0, 0] = number % 256, number // 256 % 256, number >> 16
        Image.fromarray(part).save(file)


def validated(root: Path, kind: str) -> tuple[float, float]:
    """(seconds, peak MB) of a validation in this process, one file at a time."""
    from ivvit.config.datasets import DatasetOptions
    from ivvit.data.validation.run import validate

    options = DatasetOptions(kind=kind, path="data", expect="none", strict=False, allow_overlap=True)
    begin = time.process_time()
    validate("data", options, root, root / "manifest.json", workers=1)
    return time.process_time() - begin, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def with_pillow(files: list[Path]) -> float:
    """Seconds to decode all."""
    from PIL import Image

    def decode(file: Path) -> None:
        with Image.open(file) as image:
            image.convert("RGB").load()

    return _timed(decode, files)


def with_ffprobe(files: list[Path]) -> float:
    """Seconds to count the frames of all."""
    command = ["ffprobe", "-v", "error", "-threads", "1", "-count_frames", "-select_streams", "v:0", "-show_entries",
               "stream=nb_read_frames", "-of", "csv=p=0"]  # fmt: skip
    before = os.times()
    for file in files:
        subprocess.run([*command, str(file)], check=True, capture_output=True)
    after = os.times()
    return after.children_user + after.children_system - before.children_user - before.children_system


def with_pyav(files: list[Path]) -> float:
    """Seconds to count the frames of all."""
    import av

    def count(file: Path) -> None:
        with av.open(str(file)) as container:
            container.streams.video[0].thread_type = "NONE"
            sum(1 for _ in container.decode(video=0))

    return _timed(count, files)


def _timed(work: Callable[[Path], None], files: Iterable[Path]) -> float:
    begin = time.process_time()
    for file in files:
        work(file)
    return time.process_time() - begin


def speed(root: Path, kind: str, rival: Callable[[list[Path]], float]) -> dict[str, float]:
    """Files a second of processor time, here and by the other way, on the same files."""
    files = sorted(file for file in (root / "data").rglob("*") if file.is_file())
    here, _ = alone(validated, root, kind)
    return {"files": len(files), "here": len(files) / here, "rival": len(files) / alone(rival, files)}


def videos_below(data: Path, root: Path, limit: int) -> None:
    """Links to the real videos, as a data set of one class."""
    found = sorted(file for file in data.rglob("*") if file.suffix in (".avi", ".mp4", ".mkv", ".webm"))[:limit]
    for number, file in enumerate(found):
        link = root / "data" / ("train" if number % 4 else "val") / "0" / f"{number:04d}{file.suffix}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.resolve())


def memory(work: Path, counts: Iterable[int]) -> dict[int, float]:
    """Number of files -> peak MB."""
    found = {}
    for count in counts:
        pictures(work / str(count) / "data", count, 8, ".png")
        found[count] = alone(validated, work / str(count), "image-folder")[1]
        shutil.rmtree(work / str(count))
    return found


def main() -> None:
    """Print two tables and write results/<processor>-validation.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="real videos (%(default)s)")
    parser.add_argument("--videos", type=int, default=60, help="of them at most (%(default)s)")
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--counts", type=int, nargs=2, default=COUNTS, help="files, for memory (%(default)s)")
    args = parser.parse_args()
    counter = ("ffprobe -count_frames", with_ffprobe) if shutil.which("ffprobe") else ("PyAV, counting", with_pyav)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        pictures(work / "images/data", args.images, PIXELS, ".jpg")
        videos_below(args.data, work / "videos", args.videos)
        rows = {
            ("images of 224 pixels", "Pillow, decoding"): speed(work / "images", "image-folder", with_pillow),
            ("videos", counter[0]): speed(work / "videos", "video-folder", counter[1]),
        }
        peaks = memory(work, args.counts)
    print_table(("files", "validated a second", "against", "a second", "ratio"), [
        (f"{row['files']:,} {what}", f"{row['here']:.1f}", rival, f"{row['rival']:.1f}",
         f"{row['here'] / row['rival']:.2f}") for (what, rival), row in rows.items()
    ])  # fmt: skip
    (few, small), (many, large) = peaks.items()
    bytes_each = (large - small) * 2**20 / (many - few)
    print_table(("files", "peak memory, MB"), [(f"{count:,}", f"{peak:.0f}") for count, peak in peaks.items()])
    print(f"{bytes_each:,.0f} bytes a file: {bytes_each * 14e6 / 2**30:.1f} GiB for 14 million")
    write_results("validation", {
        "cpu": cpu_name(), "speed": [{"files": what, "against": rival, **row} for (what, rival), row in rows.items()],
        "peak_mb": peaks, "bytes_a_file": bytes_each,
    })  # fmt: skip


if __name__ == "__main__":
    main()
