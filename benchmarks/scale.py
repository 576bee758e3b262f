"""A data set of 14 million images, or of 650,000 videos with variable frame rates, opened and read by eight workers.

Prints the time to open it, the time to the first batch, and the resident memory of the main process and of the workers
(VmRSS, pages of the mapped file and of shared memory included) at the first batch and after `--batches` of them;
beside it, in the same run, what torchvision's ImageFolder does: a Python list of (path, class) that is pickled to every
worker, opened from the same table, at a tenth of the size (eight workers of the whole would take 25 GB).

    python benchmarks/scale.py

The manifests are made here, one real file each: every path names it in another way ("./" and "//" spell the number).
Goals: open < 5 s, < 1 GB in the main process, < 350 MB and flat in each worker, first batch < 10 s.
What bounds the first batch: starting the workers, which import torch.
"""

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
from common import alone, cpu_name, print_table, resident, write_results

IMAGES, VIDEOS, FRAMES, CLASSES = 14_000_000, 650_000, 250, 21_000
CHUNK = 1 << 14


def spelled(first: int, count: int, prefix: bytes, file: bytes) -> pa.Array:
    """`count` different paths of one file: 24 times "./" or "//", for the bits of a number."""
    bits = (np.arange(first, first + count)[:, None] >> np.arange(24)[::-1]) & 1
    pairs = np.where(bits[..., None], np.frombuffer(b"//", np.uint8), np.frombuffer(b"./", np.uint8)).reshape(count, 48)
    ends = [np.broadcast_to(np.frombuffer(end, np.uint8), (count, len(end))) for end in (prefix, file)]
    data = np.ascontiguousarray(np.concatenate([ends[0], pairs, ends[1]], 1))
    offsets = (np.arange(count + 1) * data.shape[1]).astype(np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))


def write_manifest(
    work: Path, name: str, rows: int, file: str, facts: dict[str, object], pts: np.ndarray | None
) -> None:
    """The manifest of a data set whose files are all the same one."""
    from ivvit.data.manifest import FORMAT, sealed
    from ivvit.data.validation.table import SCHEMA

    schema = SCHEMA.with_metadata({"digest": name})
    with pa.ipc.new_file(str(work / f"{name}.arrow"), schema) as writer:
        for first in range(0, rows, CHUNK):
            writer.write_table(_rows(first, min(CHUNK, rows - first), file, facts, pts).cast(schema), CHUNK)
    content = {
        "format": FORMAT, "dataset": name, "digest": name, "class_names": [f"c{k:05d}" for k in range(CLASSES)],
        "counts": {"train": rows, "val": 0, "test": 0}, "table": sealed(work / f"{name}.arrow"),
    }  # fmt: skip
    (work / f"{name}.json").write_text(json.dumps(content))


def _rows(first: int, count: int, file: str, facts: dict[str, object], pts: np.ndarray | None) -> pa.Table:
    from ivvit.data.validation.table import SCHEMA

    path = spelled(first, count, b"./", file.encode())
    columns: dict[str, object] = {
        "path": path,
        "group": path,
        "label": pa.array(np.arange(first, first + count) % CLASSES),
    }
    columns |= {"split": pa.repeat("train", count), "sha256": spelled(first, count, b"", b"0" * 16)}
    for name, value in facts.items():
        columns[name] = pa.repeat(value, count)
    if pts is not None:
        jitter = np.random.default_rng(first).integers(0, 3, (count, len(pts)))
        offsets = pa.array(np.arange(count + 1) * len(pts))
        columns["pts"] = pa.LargeListArray.from_arrays(offsets, pa.array((pts + jitter).reshape(-1)))
    names = SCHEMA.names
    return pa.table({name: columns.get(name, pa.nulls(count, SCHEMA.field(name).type)) for name in names})


def prepare(work: Path, images: int, videos: int) -> None:
    """One image, one film, and the manifests."""
    import av
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (FRAMES, 48, 64, 3), np.uint8)
    Image.fromarray(noise[0]).save(work / "one.jpg")
    with av.open(str(work / "one.mp4"), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 64, 48
        for frame in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode(None))
    common = {"size": 1000, "mtime_ns": 0, "time_base": "1", "first_pts": 0, "pts_step": 1}
    still = {"frames": 1, "fps": 0.0, "duration": 0.0, "width": 64, "height": 48, **common}
    film = {"frames": FRAMES, "fps": 25.0, "duration": FRAMES / 25, "width": 64, "height": 48, **common}
    write_manifest(work, "images", images, "one.jpg", still, None)
    write_manifest(work, "images-tenth", images // 10, "one.jpg", still, None)
    film |= {"time_base": "1/1000", "pts_step": 0}
    write_manifest(work, "videos", videos, "one.mp4", film, np.arange(FRAMES) * 40)


def ours(work: Path, name: str, workers: int, batches: int) -> dict[str, object]:
    """This project's loader; opening compares the table with its checksum, as a job's main process does."""
    from ivvit.config.datasets import DatasetOptions
    from ivvit.runs.inputs import open_train
    from ivvit.runs.loader import train_loader

    kind = "video-folder" if name == "videos" else "image-folder"
    options = DatasetOptions(kind=kind, path=".", frames="original")
    begin = time.perf_counter()
    data = open_train(name, options, work, work / f"{name}.json", img_size=32, num_frames=4, seed=0)
    opened = time.perf_counter() - begin
    size = 4 if name == "videos" else 64
    loader = train_loader(data, batch_size=size, first_step=0, last_step=batches * 4, workers=workers)
    return {"samples": len(data.samples), "open_seconds": opened, **_watched(loader, batches)}


def image_folder(work: Path, name: str, workers: int, batches: int) -> dict[str, object]:
    """A list of (path, class), as torchvision's ImageFolder has it, and a DataLoader over it."""
    import torch

    begin = time.perf_counter()
    table = pa.ipc.open_file(pa.memory_map(str(work / f"{name}.arrow"))).read_all()
    paths, labels = table.column("path").to_pylist(), table.column("label").to_pylist()
    dataset = Listed([(f"{work}/{path}", label) for path, label in zip(paths, labels, strict=True)])
    del table, paths, labels
    opened = time.perf_counter() - begin
    loader = torch.utils.data.DataLoader(
        dataset, batch_size=64, shuffle=True, num_workers=workers, multiprocessing_context="forkserver"
    )
    return {"samples": len(dataset), "open_seconds": opened, **_watched(iter(loader), batches)}


class Listed:
    """Images of a list."""

    def __init__(self, samples: list[tuple[str, int]]) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[object, int]:
        import torch
        from PIL import Image

        path, label = self.samples[index]
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB").resize((32, 32)))
        return torch.from_numpy(pixels.copy()), label


def _watched(loader: Iterator[object], batches: int) -> dict[str, object]:
    begin = time.perf_counter()
    next(loader)
    first, seen = time.perf_counter() - begin, [_memory()]
    for _ in range(batches):
        next(loader)
    seen.append(_memory())
    return {"first_batch_seconds": first, "main_mb": [main for main, _ in seen], "worker_mb": [one for _, one in seen]}


def _memory() -> tuple[float, float]:
    """(this process, the largest worker), MB resident."""
    children = [child.pid for child in multiprocessing.active_children()]
    return resident(os.getpid()), max(resident(pid) for pid in children if pid)


def main() -> None:
    """Print a table and write results/<processor>-scale.json."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=IMAGES)
    parser.add_argument("--videos", type=int, default=VIDEOS)
    parser.add_argument("--workers", type=int, default=8)
    parser.add_argument("--batches", type=int, default=400, help="batches after the first (%(default)s)")
    parser.add_argument("--work", type=Path, help="keep the manifests here (default: a temporary folder)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = args.work or Path(folder)
        if not (work / "videos.json").exists():
            prepare(work, args.images, args.videos)
        cases = {
            "ivvit, images": (ours, "images"), "ivvit, videos": (ours, "videos"),
            "a list as ImageFolder's, a tenth of the images": (image_folder, "images-tenth"),
        }  # fmt: skip
        found = {title: alone(run, work, name, args.workers, args.batches) for title, (run, name) in cases.items()}
    head = ("data", "samples", "open, s", "first batch, s", "main, MB", "worker, MB: first", "worker, MB: last")
    print_table(head, [
        (title, f"{row['samples']:,}", f"{row['open_seconds']:.2f}", f"{row['first_batch_seconds']:.1f}",
         f"{max(row['main_mb']):.0f}", *(f"{value:.0f}" for value in row["worker_mb"]))
        for title, row in found.items()
    ])  # fmt: skip
    ours_, listed = found["ivvit, images"], found["a list as ImageFolder's, a tenth of the images"]
    per = [row["worker_mb"][0] / row["samples"] for row in (listed, ours_)]
    write_results("scale", {"cpu": cpu_name(), "workers": args.workers, "rows": found,
                            "worker_memory_a_sample_against_a_list": per[0] / per[1]})  # fmt: skip


if __name__ == "__main__":
    main()
