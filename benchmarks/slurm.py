"""A thousand experiments handed to Slurm: calls of sbatch and of the scheduler's queries, counted for some minutes.

The nodes are drained, so that all jobs wait; the calls are Snakemake's own, to a real Slurm that is brought up here.

    sudo python benchmarks/slurm.py --experiments 1000 --seconds 180
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from common import write_results

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "slurm"))
from cluster import HERE, Project, counted, slurm, wait_for

MODES = {
    "one sbatch a job, as in profiles/slurm": [],
    "arrays": ["--slurm-array-jobs", "train", "--jobs", "1000", "--max-jobs-per-timespan", "1000/1s"],
}


def main() -> None:
    """Measure, print and write the counts."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--experiments", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=180)
    args = parser.parse_args()
    subprocess.run(["bash", HERE / "slurm-up.sh"], check=True)
    try:
        with tempfile.TemporaryDirectory() as folder:
            project = prepared(Path(folder) / "project", args.experiments)
            slurm("scontrol", "update", "NodeName=ALL", "State=DRAIN", "Reason=benchmark")
            found = {mode: measure(project, options, args.seconds) for mode, options in MODES.items()}
    finally:
        subprocess.run(["bash", HERE / "slurm-down.sh"], check=True)
    result = {"experiments": args.experiments, "seconds": args.seconds, "snakemake": found}
    print(json.dumps(result, indent=2))
    write_results("slurm", result)


def prepared(folder: Path, count: int) -> Project:
    """A project whose data is validated, with many experiments that have not been run."""
    project = Project(folder)
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--configfile", *project.configuration]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    rates = {f"{i:04d}": 1e-7 * (i + 1) for i in range(count)}
    grid = {"extends": "short", "over": {"optimizer.lr": rates}}
    project.add("thousand", {"grids": {"many": grid}})
    return project


def measure(project: Project, options: list[str], seconds: float) -> dict[str, Any]:
    """Calls of Slurm's commands from the first submission on, and how many jobs then wait."""
    with tempfile.TemporaryDirectory() as folder:
        environment, calls = counted(Path(folder) / "bin")
        process = project.start("many.txt", *project.targets("many"), *options, **environment)
        started = time.monotonic()
        wait_for(process, lambda: calls().get("sbatch"), "the first submission")
        ready = time.monotonic() - started
        time.sleep(seconds)
        seen, waiting = calls(), slurm("squeue", "-h", "-r", "-o", "%i").split()
        process.kill()  # a gentler end would wait for the jobs
        process.wait()
        slurm("scancel", "-u", "root")
        project.run("unlock.txt", "--unlock")
    per_minute = {name: round(len(times) / seconds * 60, 1) for name, times in seen.items()}
    busiest = {name: _busiest(times) for name, times in seen.items()}
    return {
        "seconds before the first sbatch": round(ready, 1),
        "jobs that wait in Slurm": len(waiting),
        "calls": {name: len(times) for name, times in seen.items()},
        "calls per minute": per_minute,
        "most calls in one minute": busiest,
    }


def _busiest(times: list[float]) -> int:
    return max((sum(start <= other < start + 60 for other in times) for start in times), default=0)


if __name__ == "__main__":
    main()
