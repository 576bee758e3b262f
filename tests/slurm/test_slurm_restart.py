"""Snakemake dies while its job runs: the job goes on, a new start trains nothing twice, and it is said who trains."""

import signal

import pytest
from cluster import Project, wait_for

pytestmark = pytest.mark.slurm
ITERATIONS = 1500


def test_a_killed_snakemake_leaves_no_double_run(project: Project) -> None:
    project.add("left", {"experiments": {"left": {"model": "TokenShift", "iterations": ITERATIONS}}})
    first = project.start("killed.txt", *project.targets("left"))
    wait_for(first, (project.folder / "results/experiments/left/seed0").exists, "the job to start")
    wait_for(first, lambda: project.iteration("left") > 10, "iterations")
    first.send_signal(signal.SIGKILL)
    first.wait()
    state = project.state("left")
    assert state["state"] == "running" and "process" in state["why"][0]

    project.run("unlock.txt", "--unlock")
    second = project.start("second.txt", *project.targets("left"), "--retries", "20")
    wait_for(
        second,
        lambda: "is being trained by process" in project.log("left").read_text(errors="replace"),
        "the second job's refusal",
    )
    assert project.state("left")["state"] == "running"
    second.end_well()
    sessions = [s for s in project.sessions("left") if s["to_iteration"] > s["from_iteration"]]
    assert [(s["from_iteration"], s["to_iteration"], s["end"]) for s in sessions] == [(0, ITERATIONS, "finished")]
