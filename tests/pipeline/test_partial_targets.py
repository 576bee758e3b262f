"""Parts of the workflow: the runs alone, one file, and what cannot be asked for."""

from pathlib import Path

import pytest
from workspace import IMAGES, JOINT, Workspace


@pytest.fixture
def copied(small: Workspace, tmp_path: Path) -> Workspace:
    return small.copy(tmp_path / "it")


@pytest.mark.slow
def test_the_runs_without_the_tables(copied: Workspace) -> None:
    copied.edit("config/config.yaml", "iterations: 2", "iterations: 1")
    trained = {job for job in JOINT | IMAGES if job.startswith("train:")}
    table = copied / "results/tables/comparison.csv"
    before = table.read_bytes()
    outcome = copied.run("runs")
    assert (outcome.status, outcome.jobs) == (0, trained)
    assert table.read_bytes() == before and "Comparison\n" not in outcome.text
    outcome = copied.run()
    assert (outcome.status, outcome.jobs) == (0, (JOINT | IMAGES) - trained) and "Comparison\n" in outcome.text


def test_one_file_with_no_word_of_tables_that_nobody_asked_for(copied: Workspace) -> None:
    (manifest,) = copied.manifests("shades")
    (manifest / "manifest.json").unlink()
    (copied / "results/tables/comparison.csv").unlink()
    outcome = copied.run(str((manifest / "manifest.json").relative_to(copied.folder)))
    assert (outcome.status, outcome.jobs) == (0, {"validate:shades"})
    assert "error" not in outcome.text


@pytest.mark.slow
def test_until_train_is_refused_and_until_validate_is_not(copied: Workspace) -> None:
    (manifest,) = copied.manifests("shades")
    (manifest / "manifest.json").unlink()
    outcome = copied.run("--until", "train")
    assert outcome.status == 1 and "ask for `snakemake runs`" in outcome.text
    assert copied.run("--until", "validate").jobs == {"validate:shades"}
    assert copied.run("--until", "train").status == 0
    copied.edit("config/config.yaml", "root_path: data", "root_path: data\ndemo: {data: joint}")
    outcome = copied.run("--until", "validate", "--dry-run")
    assert outcome.status == 1 and "run `ivvit demo` and `ivvit validate`" in outcome.text, "it would do nothing"
