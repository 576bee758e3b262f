"""Python, libraries, GPUs, codecs, disk and shared memory."""

import importlib
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from ivvit.doctor.finding import Finding
from ivvit.ground.versions import installed

LIBRARIES = ("torch", "torchvision", "timm", "pandas", "pyarrow", "torchmetrics", "safetensors")
WORKFLOW = {"snakemake": "the workflow", "av": "videos and extraction", "optuna": "studies"}
DECODERS = ("h264", "hevc", "mpeg4", "vp9", "av1", "mjpeg", "ffv1")
ENCODERS = ("mjpeg", "ffv1")
_GB = 1e9


def python() -> Iterator[Finding]:
    """The interpreter, and the libraries as they really import."""
    yield Finding("Python", "ok", f"{platform.python_version()} ({sys.executable})")
    absent = [name for name in LIBRARIES if installed(name) is None]
    if absent:
        yield Finding("libraries", "wrong", f"{', '.join(absent)} not installed", "pip install ivvit")
        return
    try:
        from ivvit.numerics.compat import import_torchvision

        import_torchvision()
        importlib.import_module("timm")
    except Exception as error:  # whatever a broken installation raises
        remedy = "install torch and torchvision of the same release: pip install --force-reinstall torch torchvision"
        yield Finding("libraries", "wrong", f"torch, torchvision and timm do not import together: {error}", remedy)
        return
    yield Finding("libraries", "ok", ", ".join(f"{name} {installed(name)}" for name in LIBRARIES[:3]))
    for name, what in WORKFLOW.items():
        if installed(name) is None:
            text = f"{name} is not installed; {what} need it, trainings do not"
            yield Finding("libraries", "note", text, f"pip install {name}, where snakemake runs")


def gpu(wanted: int) -> Iterator[Finding]:
    """GPUs that torch can compute on, and how many an experiment wants at most."""
    import torch

    driver = shutil.which("nvidia-smi") is not None
    if not torch.cuda.is_available():
        if driver and torch.version.cuda is None:
            remedy = "pip install --force-reinstall torch torchvision (https://pytorch.org/get-started)"
            yield Finding("GPU", "wrong", "there is a driver, but this torch is a build for CPUs", remedy)
        elif driver:
            text = f"there is a driver, but torch (CUDA {torch.version.cuda}) cannot use it"
            yield Finding("GPU", "wrong", text, "does nvidia-smi run? a torch for an older CUDA needs no new driver")
        else:
            text = "none here; trainings run on the CPU" + (" (runtime.gpus asks for one)" if wanted else "")
            yield Finding("GPU", "note", text)
        return
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        busy = free < 0.5 * total
        text = f"{index}: {name}, {free / _GB:.0f} of {total / _GB:.0f} GB free"
        yield Finding("GPU", "note" if busy else "ok", text, "nvidia-smi shows who uses it" if busy else None)
    if torch.cuda.device_count() < wanted:
        text = f"runtime.gpus wants {wanted}, here are {torch.cuda.device_count()}"
        yield Finding("GPU", "note", text, "lower runtime.gpus, or run on a cluster that has them")


def codecs() -> Iterator[Finding]:
    """The codecs of PyAV's FFmpeg: those that videos come in, and those of the frame store."""
    if installed("av") is None:
        return
    import av

    missing = [name for name in DECODERS if not _has(name, "r")] + [
        f"{n} (writing)" for n in ENCODERS if not _has(n, "w")
    ]
    if missing:
        remedy = "pip install --force-reinstall --only-binary :all: av"
        yield Finding("codecs", "wrong", f"this build of PyAV lacks {', '.join(missing)}", remedy)
    else:
        yield Finding(
            "codecs", "ok", f"PyAV {av.__version__}: reads {', '.join(DECODERS)}; writes {', '.join(ENCODERS)}"
        )


def disk(folders: dict[str, Path]) -> Iterator[Finding]:
    """Room for what is written, and the right to write there."""
    for what, folder in folders.items():
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        free = shutil.disk_usage(there).free / _GB
        if not there.is_dir():
            yield Finding("disk", "wrong", f"{what}: {there} is a file in the place of a folder", f"set another {what}")
        elif not os.access(there, os.W_OK):
            yield Finding("disk", "wrong", f"{what}: {there} is not writable", f"chmod, or set another {what}")
        elif free < 1:
            yield Finding("disk", "wrong", f"{what}: {free:.2g} GB free at {there}", "free some (ivvit clean)")
        else:
            yield Finding("disk", "note" if free < 20 else "ok", f"{what}: {free:.0f} GB free at {there}")


def shared_memory(workers: int) -> Iterator[Finding]:
    """/dev/shm, by which a loader's processes hand over batches; containers often have 64 MB of it."""
    place = Path("/dev/shm")
    if not place.is_dir():
        return
    free = shutil.disk_usage(place).free / _GB
    if workers and free < 1:
        remedy = "docker run --shm-size=8g, or runtime: {workers: 0}"
        yield Finding("/dev/shm", "wrong", f"{free:.2g} GB free, too little for batches of {workers} workers", remedy)
    else:
        yield Finding("/dev/shm", "ok", f"{free:.1f} GB free")


def _has(codec: str, mode: Literal["r", "w"]) -> bool:
    import av

    try:
        av.Codec(codec, mode)
    except ValueError:  # UnknownCodecError is one
        return False
    return True
