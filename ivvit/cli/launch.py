"""Several processes for one run: torchrun on one node, started by `srun` on each of several.

A run's command is always `ivvit train ...`; `runtime:` decides here whether it becomes several processes.
"""

import logging
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ivvit.config import RuntimeOptions
from ivvit.ground.errors import FAILURE, OK, STOPPED, UserError
from ivvit.ground.ranks import LAUNCHER, launched

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

_PATIENCE = "600"  # seconds that a process may take to stop and save; torchrun's default is 30
_NODE = "IVVIT_NODE_OF_JOB"


def spreads(runtime: RuntimeOptions, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether this process should start others and not train itself."""
    several = runtime.nodes * max(1, runtime.gpus) > 1
    return several and not launched(environment)


def launch(runtime: RuntimeOptions, arguments: list[str]) -> int:
    """Run `ivvit` with these arguments in all processes of the run; returns the exit status (75: stopped and saved).

    Raises:
        UserError: several nodes outside a Slurm job, or fewer GPUs here than asked for.
    """
    if runtime.nodes == 1:
        return torchrun(runtime, ["--standalone"], ["-m", "ivvit", *arguments])
    job = os.environ.get("SLURM_JOB_ID")
    if job is None:
        raise UserError(
            f"runtime.nodes is {runtime.nodes}, but this is not a Slurm job; use `snakemake --profile slurm`"
        )
    if os.environ.get(_NODE) != job:
        os.environ[_NODE] = job
        return subprocess.run(step_command(runtime, arguments)).returncode
    return torchrun(runtime, rendezvous(runtime, os.environ), ["-m", "ivvit", *arguments])


def step_command(runtime: RuntimeOptions, arguments: list[str]) -> list[str]:
    """`srun` with one task on each node, each with all CPUs and GPUs that the job has there."""
    count = str(runtime.nodes)
    gpus = [f"--gres=gpu:{runtime.gpus}"] if runtime.gpus else []
    return [
        "srun", "--nodes", count, "--ntasks", count, "--ntasks-per-node=1", "--kill-on-bad-exit=1", "--cpu-bind=none",
        *gpus, sys.executable, "-m", "ivvit", *arguments,
    ]  # fmt: skip


def rendezvous(runtime: RuntimeOptions, environment: Mapping[str, str]) -> list[str]:
    """torchrun's options for this node of the Slurm job: they meet on its first node, at a port of their own."""
    names = _ask("scontrol", "show", "hostnames", environment["SLURM_JOB_NODELIST"]).split()
    address = re.search(r"NodeAddr=(\S+)", _ask("scontrol", "show", "node", names[0]))
    port = 20_000 + int(environment["SLURM_JOB_ID"]) % 10_000
    return [
        f"--nnodes={runtime.nodes}", f"--node-rank={environment['SLURM_NODEID']}",
        f"--master-addr={address[1] if address else names[0]}", f"--master-port={port}",
    ]  # fmt: skip


def _ask(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def torchrun(runtime: RuntimeOptions, options: list[str], program: list[str]) -> int:
    """Run a program (a file or `-m` and a module, and its arguments) in all processes of this node."""
    from torch.distributed.elastic.multiprocessing import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args, run

    _check_gpus(runtime.gpus)
    os.environ.setdefault("OMP_NUM_THREADS", str(runtime.threads))
    os.environ.setdefault("TORCH_ELASTIC_SHUTDOWN_TIMEOUT", _PATIENCE)
    os.environ[LAUNCHER] = str(os.getpid())
    for name in ("torch.distributed.elastic", "torch.distributed.run"):  # the processes report for themselves
        logging.getLogger(name).setLevel(logging.CRITICAL)
    signal.signal(signal.SIGUSR1, lambda *_: os.kill(os.getpid(), signal.SIGTERM))  # torchrun passes SIGTERM on
    processes = f"--nproc-per-node={max(1, runtime.gpus)}"
    try:
        run(parse_args([*options, processes, "--max-restarts=0", *program]))
    except SignalException as stop:
        print(f"stopped by {signal.Signals(stop.sigval).name}", file=sys.stderr)
        return STOPPED
    except ChildFailedError as error:
        return _status(error)
    return OK


def _status(error: "ChildFailedError") -> int:
    """The run's exit status from those of its processes; reports one that was killed, which could not do so itself."""
    if any(failure.exitcode == STOPPED for failure in error.failures.values()):
        return STOPPED
    rank, first = error.get_first_failure()
    if first.exitcode < 0:
        name = signal.Signals(-first.exitcode).name
        print(f"error: process {rank} of {shlex.join(['ivvit', *sys.argv[1:]])} was killed by {name}", file=sys.stderr)
    return FAILURE


def _check_gpus(wanted: int) -> None:
    import torch

    if torch.cuda.is_available() and torch.cuda.device_count() < wanted:
        raise UserError(f"runtime.gpus is {wanted}, but only {torch.cuda.device_count()} GPUs can be seen here")
