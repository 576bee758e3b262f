"""What happens to jobs on a cluster, all in one run of snakemake: each run ends in the bits of an undisturbed one."""

import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster import Project, slurm, wait_for

pytestmark = pytest.mark.slurm
_BITS = ("model.safetensors", "history.csv")
_DISTURB = {"night-cancelled": ["scancel"], "night-requeued": ["scontrol", "requeue"]}


@dataclass(frozen=True)
class Night:
    """The project after its jobs were disturbed, what snakemake said, and the undisturbed results."""

    project: Project
    text: str
    references: dict[str, Path]
    disturbed: dict[str, str]
    """Experiment -> the number of the job that was cancelled or requeued."""

    def same_bits(self, name: str) -> None:
        """Compare with the undisturbed run."""
        for file in _BITS:
            assert (self.project.seed(name) / file).read_bytes() == (self.references[name] / file).read_bytes(), file


@pytest.fixture(scope="module")
def night(demo: tuple[Project, str, str], tmp_path_factory: pytest.TempPathFactory) -> Night:
    project = demo[0]
    experiments = {
        # Stops 24 s after its first job began, 84 s after its second: 1.6 minutes before their limits of 2 and 3.
        "night-late": {"iterations": project.iterations(22), "runtime": {"deadline_minutes": 1.6}},
        "night-cancelled": {"iterations": project.iterations(9)},
        "night-requeued": {"iterations": project.iterations(9) + 1},
        "night-hungry": {"iterations": 40, "runtime": {"memory_gb": 0.45}},
    }
    project.add("night", {"experiments": {name: {"model": "TokenShift", **e} for name, e in experiments.items()}})
    references = project.references(experiments, tmp_path_factory.mktemp("undisturbed"))
    limit = "train:runtime=1+attempt"
    process = project.start("night.txt", *project.targets("night"), "--retries", "6", "--set-resources", limit)
    disturbed: dict[str, str] = {}
    while left := [name for name in _DISTURB if name not in disturbed]:
        name, job = wait_for(process, lambda left=left: _trained(project, left), f"a job of {left} and its checkpoint")
        slurm(*_DISTURB[name], job)
        disturbed[name] = job
    return Night(project, process.end_well(), references, disturbed)


def _trained(project: Project, names: list[str]) -> tuple[str, str] | None:
    return next(((name, job) for name in names if project.saved(name) and (job := project.job(name))), None)


def test_time_limit(night: Night) -> None:
    *before, last = night.project.sessions("night-late")
    # On a busy machine a first job may need its time for the start alone; the next has a minute more.
    stopped = [s for s in before if "time limit" in s["message"] and s["to_iteration"] > s["from_iteration"]]
    assert stopped and last["from_iteration"] == stopped[-1]["to_iteration"] and last["end"] == "finished"
    assert last["slurm_job"] != stopped[-1]["slurm_job"]  # handed in again
    night.same_bits("night-late")


def test_scancel(night: Night) -> None:
    *before, last = night.project.sessions("night-cancelled")
    assert night.disturbed["night-cancelled"] in {s["slurm_job"] for s in before} - {last["slurm_job"]}
    assert last["from_iteration"] > 0 and last["end"] == "finished"
    assert "CANCELLED" in night.text
    night.same_bits("night-cancelled")


def test_requeue(night: Night) -> None:
    sessions = night.project.sessions("night-requeued")
    assert [s["slurm_job"] for s in sessions].count(night.disturbed["night-requeued"]) > 1
    assert sessions[-1]["from_iteration"] > 0 and sessions[-1]["end"] == "finished"
    night.same_bits("night-requeued")


def test_out_of_memory(night: Night) -> None:
    identity = night.project.seed("night-hungry").parent.name
    jobs = re.findall(rf"SLURM jobid (\d+) \(log: \S*/rule_train/{identity}_0/", night.text)
    assert len(jobs) > 1
    said = "".join(log.read_text(errors="replace") for log in Path("/var/log/slurm-local").glob("slurmd-*.log"))
    assert re.search(rf"StepId={jobs[0]}\.\d+ exceeded memory limit", said)
    limits = [re.search(r"MinMemoryNode=(\S+)", slurm("scontrol", "show", "job", job))[1] for job in jobs[:2]]
    assert limits == ["450M", "675M"]
    assert night.project.sessions("night-hungry")[-1]["end"] == "finished"
    night.same_bits("night-hungry")
