"""What happens to jobs on a cluster, all in one run of snakemake: each run ends in the bits of an undisturbed one."""

import json
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest
from cluster import Project, slurm, wait_for

pytestmark = pytest.mark.slurm
_BITS = ("model.safetensors", "metrics.json", "history.csv")


@dataclass(frozen=True)
class Night:
    """The project after its jobs were disturbed, what snakemake said, and the undisturbed results."""

    project: Project
    text: str
    references: dict[str, Path]
    requeued: str
    """The number of the job that Slurm started twice."""

    def same_bits(self, name: str) -> None:
        """Compare with the undisturbed run."""
        for file in _BITS:
            assert (self.project.seed(name) / file).read_bytes() == (self.references[name] / file).read_bytes(), file


@pytest.fixture(scope="module")
def night(demo: tuple[Project, str, str], tmp_path_factory: pytest.TempPathFactory) -> Night:
    project, keep = demo[0], tmp_path_factory.mktemp("undisturbed")
    project.add("pace", {"experiments": {"pace": {"model": "TokenShift", "iterations": 60}}})
    project.ivvit("train", "pace")
    speed = json.loads((project.seed("pace") / "provenance.json").read_text())["speed"]
    per_second = speed["iterations"] / (speed["train_seconds"] + speed["data_seconds"])
    experiments = {
        # Stops 24 s after its first job began, which has 5 minutes.
        "night-late": {"iterations": int(35 * per_second), "runtime": {"deadline_minutes": 4.6}},
        "night-cancelled": {"iterations": int(15 * per_second)},
        "night-requeued": {"iterations": int(15 * per_second) + 1},
        "night-hungry": {"iterations": 40, "runtime": {"memory_gb": 0.45}},
    }
    project.add("night", {"experiments": {name: {"model": "TokenShift", **e} for name, e in experiments.items()}})
    with ThreadPoolExecutor(2) as pool:
        names = list(experiments)
        references = dict(zip(names, pool.map(lambda name: project.reference(name, keep), names), strict=True))
    limit = "train:runtime=5 if attempt == 1 else 30"
    process = project.start("night.txt", *project.targets("night"), "--retries", "6", "--set-resources", limit)
    try:
        for name in ("night-cancelled", "night-requeued"):
            wait_for(
                process, lambda name=name: project.iteration(name) >= 20 and project.job(name), f"{name} to be trained"
            )
            number = project.job(name)
            assert number, f"{name} ended too early to be disturbed"
            slurm(*(["scancel"] if name == "night-cancelled" else ["scontrol", "requeue"]), number)
        text = process.end_well()
    finally:
        process.terminate()
    return Night(project, text, references, number)


def test_time_limit(night: Night) -> None:
    first, *others = night.project.sessions("night-late")
    assert "time limit" in first["end"] and first["to_iteration"] > 0 and others
    assert others[-1]["from_iteration"] >= first["to_iteration"] and others[-1]["end"] == "finished"
    assert others[-1]["slurm_job"] != first["slurm_job"]  # handed in again
    night.same_bits("night-late")


def test_scancel(night: Night) -> None:
    sessions = night.project.sessions("night-cancelled")
    assert len({session["slurm_job"] for session in sessions}) > 1
    assert sessions[-1]["from_iteration"] > 0 and sessions[-1]["end"] == "finished"
    assert "CANCELLED" in night.text
    night.same_bits("night-cancelled")


def test_requeue(night: Night) -> None:
    sessions = night.project.sessions("night-requeued")
    assert len(sessions) > 1 and {session["slurm_job"] for session in sessions} == {night.requeued}
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
