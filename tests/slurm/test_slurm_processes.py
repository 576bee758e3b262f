"""GPUs and nodes from the configuration become processes; here they are the CPU's, which meet through gloo."""

from pathlib import Path

import pandas
import pytest
from cluster import Project

pytestmark = pytest.mark.slurm
EXPERIMENTS = {"world-pair": {"iterations": 6}, "world-spread": {"iterations": 7}}
RUNTIME = {"world-pair": {"gpus": 2}, "world-spread": {"gpus": 2, "nodes": 2}}


def test_several_processes_on_one_and_on_two_nodes(project: Project, tmp_path: Path) -> None:
    plain = {name: {"model": "IV-ViT", **fields} for name, fields in EXPERIMENTS.items()}
    project.add("alone", {"experiments": plain})
    references = project.references(plain, tmp_path)
    project.add("together", {"experiments": {n: {**fields, "runtime": RUNTIME[n]} for n, fields in plain.items()}})
    project.run("together.txt", *project.targets("world"))
    for name, processes in {"world-pair": 2, "world-spread": 4}.items():
        (session,) = project.sessions(name)
        assert session["processes"] == processes and session["slurm_job"]
        here = pandas.read_csv(project.seed(name) / "history.csv")
        alone = pandas.read_csv(references[name] / "history.csv")
        assert list(here.columns) == list(alone.columns)
        losses = [column for column in here.columns if column.endswith("loss")]
        assert losses
        pandas.testing.assert_frame_equal(here[losses], alone[losses], rtol=2e-3)
