"""What is only there in some places: Slurm and trackers."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from importlib.util import find_spec

from ivvit.doctor.finding import Finding

_PLUGIN = "snakemake_executor_plugin_slurm"


def slurm() -> Iterator[Finding]:
    """The commands that Snakemake's plugin calls, and whether they answer."""
    if shutil.which("sbatch") is None:
        yield Finding("Slurm", "ok", "not here, and not needed on a single machine")
        return
    partitions, problem = _answer("sinfo", "--noheader", "--format=%P")
    if problem:
        yield Finding("Slurm", "wrong", f"sinfo: {problem}", "is the controller up? ask whoever runs the cluster")
        return
    yield Finding("Slurm", "ok", f"partitions {', '.join(partitions.split())}")
    if find_spec(_PLUGIN) is None:
        yield Finding("Slurm", "wrong", "Snakemake's plugin is not installed", "pip install 'ivvit[slurm]'")
    _, problem = _answer("sacct", "--noheader", "--allocations")
    if problem:
        remedy = "write `slurm-status-command: squeue` in workflow/profiles/slurm/config.yaml"
        yield Finding("Slurm", "note", f"no accounting (sacct: {problem})", remedy)


def comet(wanted: bool) -> Iterator[Finding]:
    """Whether runs would be tracked, and live or into archives."""
    if not wanted:
        yield Finding("Comet", "ok", "off (runtime: {comet: true} turns it on); nothing calls the network")
    elif find_spec("comet_ml") is None:
        yield Finding("Comet", "wrong", "runtime.comet is on, but comet_ml is not installed", "pip install comet_ml")
    elif os.environ.get("COMET_API_KEY"):
        yield Finding("Comet", "ok", "live, with the key in COMET_API_KEY")
    else:
        remedy = "export COMET_API_KEY=..., or `ivvit comet upload` later"
        yield Finding("Comet", "note", "no COMET_API_KEY: runs are archived on disk", remedy)


def tensorboard(wanted: bool) -> Iterator[Finding]:
    """Whether what would write the events is there; nothing where none are asked for."""
    if wanted and find_spec("tensorboard") is None:
        text = "runtime.tensorboard is on, but tensorboard is not installed"
        yield Finding("TensorBoard", "wrong", text, "pip install tensorboard")
    elif wanted:
        yield Finding("TensorBoard", "ok", "events lie in runs' folders: tensorboard --logdir results/experiments")


def wandb(wanted: bool) -> Iterator[Finding]:
    """Whether W&B would be fed, and live or on disk; nothing where it is not asked for."""
    if wanted and find_spec("wandb") is None:
        yield Finding("W&B", "wrong", "runtime.wandb is on, but wandb is not installed", "pip install wandb")
    elif wanted and os.environ.get("WANDB_API_KEY"):
        yield Finding("W&B", "ok", "live, with the key in WANDB_API_KEY")
    elif wanted:
        yield Finding("W&B", "note", "no WANDB_API_KEY: runs stay on disk", "export WANDB_API_KEY=..., or `wandb sync`")


def _answer(*command: str) -> tuple[str, str | None]:
    """(what it printed, what went wrong)."""
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=20)
    except (OSError, subprocess.TimeoutExpired) as error:
        return "", str(error)
    lines = (ran.stderr or ran.stdout).strip().splitlines()
    return ran.stdout, (lines or [f"status {ran.returncode}"])[-1] if ran.returncode else None
