"""From nothing to tables with every step a Slurm job."""

import re

import pandas
import pytest
from cluster import Project, slurm

pytestmark = pytest.mark.slurm


def test_tables_are_made_by_jobs(demo: tuple[Project, str, str]) -> None:
    project, text, _ = demo
    table = pandas.read_csv(project.folder / "results/tables/comparison.csv")
    names = set(table.experiment[table.kind == "experiment"])
    assert names == {"iv-vit", "short", "tuned"}
    assert all(project.sessions(name)[0]["slurm_job"] for name in names)
    # demo, two validations, extraction, three runs and their evaluations, a study's worker, tables
    assert text.count("has been submitted with SLURM jobid") == 12


def test_jobs_ask_for_what_the_configuration_says(demo: tuple[Project, str, str]) -> None:
    project, text, _ = demo
    validation = re.search(r"SLURM jobid (\d+) \(log: \S*/rule_validate/", text)[1]
    training = project.sessions("tuned")[0]["slurm_job"]
    names = ("Partition", "TimeLimit", "CPUs/Task", "MinMemoryNode", "TresPerJob")
    asked = {}
    for job in (validation, training):
        said = dict(re.findall(r"(\S+?)=(\S+)", slurm("scontrol", "show", "job", job)))
        asked[job] = [said.get(name) for name in names]
    assert asked[validation] == ["cpu", "04:00:00", "2", "2000M", None]
    assert asked[training] == ["gpu", "00:30:00", "1", "2000M", "gres:gpu:fake:1"]


def test_light_rules_are_no_jobs(demo: tuple[Project, str, str]) -> None:
    _, text, _ = demo
    assert "Finished jobid" in text and "Fetching and converting the weights demo-vit" in text
    for rule in ("rule_weights", "rule_frames", "rule_study/"):
        assert f"logs/slurm/{rule}" not in text


def test_nothing_is_stale_afterwards(demo: tuple[Project, str, str]) -> None:
    assert "Nothing to be done" in demo[2]
