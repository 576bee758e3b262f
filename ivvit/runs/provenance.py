"""Where a result comes from: times, restarts, hardware, versions, code and command line; none of it is in a number."""

import logging
import os
import platform
import shlex
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from ivvit.ground.files import read_object, write_json
from ivvit.ground.slurm import job_number
from ivvit.ground.versions import versions
from ivvit.numerics.world import World
from ivvit.runs.job import TrainJob

log = logging.getLogger("ivvit")

_PACKAGES = ("ivvit", "torch", "torchvision", "timm", "av", "simplejpeg", "numpy", "pandas", "safetensors")


class Provenance:
    """provenance.json of a run; each start of the run is one of its `sessions`."""

    def __init__(self, job: TrainJob, device: torch.device, world: World, iteration: int) -> None:
        self._path = job.folder / "provenance.json"
        before = read_object(self._path)
        session = {
            "started": _now(),
            "ended": None,
            "end": "killed",  # overwritten by whatever else ends it: finished, interrupted or failed
            "message": "",
            "from_iteration": iteration,
            "to_iteration": None,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "device": _device_name(device),
            "threads": torch.get_num_threads(),
            "compiled": job.runtime.compile,
            "workers": job.runtime.workers,
            "processes": world.size,
            "command": shlex.join(sys.orig_argv),
            "slurm_job": job_number(),
        }
        self._session = session
        self._content = {
            "name": job.name,
            "seed": job.seed,
            **job.provenance,
            "versions": all_versions(),
            "git": git_state(),
            "sessions": [*before.get("sessions", []), session],
            "speed": before.get("speed"),
        }
        write_json(self._path, self._content)

    def made(self, model_sha256: str) -> None:
        """The file of the model that is about to be written."""
        self._content["model_sha256"] = model_sha256
        write_json(self._path, self._content)

    def end(self, kind: str, message: str, iteration: int, speed: dict[str, float] | None) -> None:
        """How this session ended: finished, interrupted or failed, and a message about it.

        speed: {"iterations", "samples", "seconds", "samples_per_second", ...}.
        """
        self._session |= {"ended": _now(), "end": kind, "message": message, "to_iteration": iteration}
        self._content["speed"] = speed or self._content["speed"]
        try:
            write_json(self._path, self._content)
        except OSError as error:  # a full disk; it must not hide the error that ended the session
            log.warning("%s cannot be written (%s); it does not say how this session ended", self._path, error.strerror)


def all_versions() -> dict[str, str | None]:
    """Versions of what can change the last bits."""
    return {"python": platform.python_version(), "cuda": torch.version.cuda, **versions(_PACKAGES)}


def git_state() -> dict[str, Any] | None:
    """Commit and dirtiness of the checkout that the package lies in; None outside a checkout."""
    folder = Path(__file__).parent

    def git(*arguments: str) -> str:
        return subprocess.run(
            ["git", *arguments], cwd=folder, capture_output=True, text=True, check=True, timeout=30
        ).stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain", "--", "."))}
    except (OSError, subprocess.SubprocessError):
        return None


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU {platform.machine()}, {os.cpu_count()} cores"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
