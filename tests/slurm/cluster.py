"""A project on the cluster: a copy of the files, started as people start it, with helpers to watch and disturb."""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import yaml

HERE, PROJECT = Path(__file__).parent, Path(__file__).parents[2]
COUNTED = ("sbatch", "squeue", "sacct", "scontrol", "scancel", "sinfo")
# The plugin looks after 1 s and, each time that no job has ended, 10 s later than before.
_SNAKEMAKE = [
    sys.executable, "-m", "snakemake", "--profile", "slurm", "--latency-wait", "10",
    "--slurm-status-command", "squeue", "--slurm-init-seconds-before-status-checks", "1",
]  # fmt: skip


class Started(subprocess.Popen[bytes]):
    """A snakemake at work, with what it says in a file."""

    log: Path
    all: ClassVar[list["Started"]] = []

    def text(self) -> str:
        """What it has said so far."""
        return self.log.read_text(errors="replace")

    def end_well(self) -> str:
        """Wait for its end, which must be a good one; gives what it said."""
        assert self.wait(timeout=600) == 0, self.text()
        return self.text()


class Project:
    """A folder in which `snakemake --profile slurm` runs."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder, self._options = folder, options
        for name in ("workflow", "ivvit", "config"):
            source = PROJECT / name
            folder.mkdir(exist_ok=True, parents=True)
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / name)
        (folder / "slurm").symlink_to("workflow/profiles/slurm")
        shutil.copy2(HERE / "base.yaml", folder / "config" / "base.yaml")
        self.configuration = ["config/base.yaml"]

    def add(self, name: str, content: dict[str, Any]) -> None:
        """Use the base configuration with these differences from now on."""
        path = Path("config") / f"{name}.yaml"
        (self.folder / path).write_text(yaml.safe_dump(content))
        self.configuration = ["config/base.yaml", str(path)]

    def start(self, log: str, *arguments: str, **environment: str) -> Started:
        """Start snakemake and come back at once; it writes into the named file."""
        command = [*_SNAKEMAKE, *self._options, *arguments, "--configfile", *self.configuration]
        path = self.folder / log
        with path.open("wb") as file:
            variables = self._environment(**environment)
            process = Started(command, cwd=self.folder, stdout=file, stderr=subprocess.STDOUT, env=variables)
        process.log = path
        Started.all.append(process)
        return process

    def run(self, log: str, *arguments: str) -> str:
        """Run snakemake to its good end; gives what it said."""
        return self.start(log, *arguments).end_well()

    def ivvit(self, *arguments: str, check: bool = True) -> str:
        """Run an `ivvit` command here, outside the cluster."""
        command = [sys.executable, "-m", "ivvit", *arguments, "--config", *self.configuration]
        ran = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, env=self._environment())
        assert not check or ran.returncode == 0, ran.stdout + ran.stderr
        return ran.stdout

    def seed(self, experiment: str) -> Path:
        """The folder of an experiment's run."""
        return (self.folder / "results/experiments" / experiment / "seed0/provenance.json").resolve().parent

    def targets(self, prefix: str = "") -> list[str]:
        """What to ask snakemake for, to have the experiments of that prefix trained and nothing else done."""
        rows = json.loads(self.ivvit("status", "--json"))
        return [f"{row['folder']}/model.safetensors" for row in rows if row["experiment"].startswith(prefix)]

    def state(self, experiment: str) -> dict[str, Any]:
        """What `ivvit status` says."""
        rows = json.loads(self.ivvit("status", "--json"))
        return next(row for row in rows if row["experiment"] == experiment)

    def sessions(self, experiment: str) -> list[dict[str, Any]]:
        """The starts of a run, and how each ended."""
        return json.loads((self.seed(experiment) / "provenance.json").read_text())["sessions"]

    def said(self, experiment: str) -> str:
        """What the latest job of a run has printed; Snakemake removes the log before each attempt."""
        folder = self.seed(experiment)
        log = self.folder / "logs/train" / f"{folder.parent.name}-{folder.name}.log"
        try:
            return log.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def saved(self, experiment: str) -> bool:
        """Whether a run has a checkpoint to go on from."""
        return any((self.seed(experiment) / "state").glob("*.ckpt"))

    def iterations(self, seconds: float) -> int:
        """As many as one process of this machine trains in this time, when nobody disturbs it."""
        speed = json.loads((self.seed("tuned") / "provenance.json").read_text())["speed"]
        return int(seconds * speed["iterations"] / (speed["train_seconds"] + speed["data_seconds"]))

    def job(self, experiment: str) -> str | None:
        """The Slurm job that trains an experiment now."""
        wanted = f"rule_train_wildcards_{self.seed(experiment).parent.name}_0"
        for line in slurm("squeue", "-h", "-t", "RUNNING", "-o", "%i %k").splitlines():
            number, _, comment = line.partition(" ")
            if comment == wanted:
                return number
        return None

    def references(self, experiments: Iterable[str], keep: Path) -> dict[str, Path]:
        """Train undisturbed outside the cluster, put the results aside and leave no trace of them."""

        def reference(experiment: str) -> Path:
            self.ivvit("train", experiment)
            return self.seed(experiment).rename(keep / experiment)

        with ThreadPoolExecutor(2) as pool:
            return dict(zip(experiments, pool.map(reference, experiments), strict=True))

    def _environment(self, **more: str) -> dict[str, str]:
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("SLURM_", "IVVIT_"))}
        return clean | {"PYTHONPATH": str(self.folder), "OMP_NUM_THREADS": "1"} | more


def slurm(*command: str) -> str:
    """The answer of one of Slurm's commands."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=600).stdout


def wait_for(process: Started, condition: Callable[[], Any], what: str, seconds: float = 240) -> Any:
    """Look again and again until something is true, as long as snakemake runs."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        if value := condition():
            return value
        time.sleep(0.3)
    raise AssertionError(f"waited in vain for {what}\n{process.text()}")


def counted(folder: Path) -> tuple[dict[str, str], Callable[[], dict[str, list[float]]]]:
    """An environment in which Slurm's commands note the time of each call, and a function that reads the notes."""
    folder.mkdir()
    for name in COUNTED:
        if real := shutil.which(name):
            shim = folder / name
            shim.write_text(f'#!/bin/sh\ndate +%s.%N >>{folder}/{name}.calls\nexec {real} "$@"\n')
            shim.chmod(0o755)

    def read() -> dict[str, list[float]]:
        notes = {path.stem: path.read_text().split() for path in folder.glob("*.calls")}
        return {name: [float(time) for time in times] for name, times in notes.items()}

    return {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}, read
