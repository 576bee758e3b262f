"""Many runs in one array, or in one allocation; nodes that are drained take no jobs until they are resumed."""

import re
import sys
import time
from pathlib import Path

import pytest
from cluster import Project, counted, slurm, wait_for

pytestmark = pytest.mark.slurm
COUNT = 3


def many(project: Project, name: str, iterations: int) -> list[str]:
    """The targets of so many runs."""
    rates = [1e-4 * (i + 1) for i in range(COUNT)]
    few = {"few": {"model": "IV-ViT", "iterations": iterations}}
    project.add(name, {"experiments": few, "grids": {name: {"extends": "few", "over": {"optimizer.lr": rates}}}})
    return project.targets(name)


def test_a_group_is_one_allocation_of_one_run_after_the_other(project: Project, tmp_path: Path) -> None:
    """Without --cores all runs of a group would begin at once, and the job would ask for as many GPUs."""
    targets = many(project, "group", 3)
    options = ["--groups", "train=g", "--group-components", f"g={COUNT}", "--cores", "1"]
    project.start("group.txt", *targets, *options).end_well()
    models = sorted((project.folder / "results/experiments").glob("group*/seed0/model.safetensors"))
    assert len(models) == COUNT
    jobs = {project.sessions(model.parts[-3])[0]["slurm_job"] for model in models}
    assert len(jobs) == 1
    said = dict(re.findall(r"(\S+?)=(\S+)", slurm("scontrol", "show", "job", jobs.pop())))
    assert (said["CPUs/Task"], said["TresPerJob"], said["TimeLimit"]) == ("1", "gres:gpu:fake:1", "01:30:00")


def test_an_array_waits_for_drained_nodes(project: Project, tmp_path: Path) -> None:
    targets = many(project, "many", 2)
    environment, calls = counted(tmp_path / "bin")
    slurm("scontrol", "update", "NodeName=ALL", "State=DRAIN", "Reason=test")
    try:
        process = project.start("array.txt", *targets, "--slurm-array-jobs", "train", **environment)
        pending = wait_for(
            process, lambda: slurm("squeue", "-h", "-r", "-t", "PENDING", "-o", "%i").split(), "the array"
        )
        assert len(pending) == COUNT and all("_" in task for task in pending)
        assert not slurm("squeue", "-h", "-t", "RUNNING").split()
    finally:
        slurm("scontrol", "update", "NodeName=ALL", "State=RESUME")
    process.end_well()
    assert len(calls()["sbatch"]) == 1
    assert len(list((project.folder / "results/experiments").glob("many*/seed0/model.safetensors"))) == COUNT


def test_every_task_of_an_array_knows_its_end(cluster: None, tmp_path: Path) -> None:
    code = "import time; from ivvit.runs.stop import job_end; print(job_end()); time.sleep(2)"
    options = ["--wait", "--array=0-2", "--time=10", f"--output={tmp_path}/%a"]
    slurm("sbatch", *options, "--wrap", f"{sys.executable} -c '{code}'")
    for task in range(3):
        assert 0 < float((tmp_path / str(task)).read_text()) - time.time() < 600
