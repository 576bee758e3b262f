"""Snakemake dies while its job runs: the job goes on, a new start trains nothing twice, and it is said who trains."""

import signal

import pytest
from cluster import Project, wait_for

pytestmark = pytest.mark.slurm


def test_a_killed_snakemake_leaves_no_double_run(project: Project) -> None:
    iterations = project.iterations(40)
    project.add("left", {"experiments": {"left": {"model": "TokenShift", "iterations": iterations}}})
    first = project.start("killed.txt", *project.targets("left"))
    wait_for(first, lambda: project.saved("left"), "a checkpoint")
    first.send_signal(signal.SIGKILL)
    first.wait()
    job = project.job("left")
    state = project.state("left")
    assert job and state["state"] == "running" and f"Slurm job {job}" in state["why"][0]

    locked = project.start("locked.txt", *project.targets("left"))
    assert locked.wait(timeout=600) and "--unlock" in locked.text()
    assert f"left, seed 0, is being trained already: {state['why'][0]}" in locked.text()
    project.run("unlock.txt", "--unlock")
    second = project.start("second.txt", *project.targets("left"), "--retries", "20")
    refusal = f"Slurm job {job} (since"
    wait_for(second, lambda: refusal in project.said("left"), "the second job's refusal")
    assert project.state("left")["state"] == "running"
    second.end_well()
    trained = [s for s in project.sessions("left") if s["to_iteration"] > s["from_iteration"]]
    assert [(s["slurm_job"], s["to_iteration"], s["end"]) for s in trained] == [(job, iterations, "finished")]
