"""status, why, plan, accept, history and clean on a workflow that has run; and code that changes at a bad moment."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from mutations import MUTATIONS, recorded
from workspace import IMAGES, JOINT, Workspace

from ivvit.ground.lock import run_lock

CODE = "ivvit/numerics/optimizers.py"


@pytest.fixture
def copied(small: Workspace, tmp_path: Path) -> Workspace:
    return small.copy(tmp_path / "it")


def append(workspace: Workspace, file: str, text: str) -> None:
    with (workspace / file).open("a") as stream:
        stream.write(text)


@pytest.mark.slow
def test_a_refactoring_is_accepted_and_taken_back(copied: Workspace) -> None:
    append(copied, CODE, "\nVALUE = 1\n")
    states = copied.states()
    assert {row["state"] for row in states.values()} == {"stale"}
    assert states["joint/0"]["why"] == ["numerics/optimizers.py: VALUE added"]
    assert "numerics/optimizers.py: VALUE added" in copied.ivvit("why", "joint")
    plan = copied.ivvit("plan")
    assert "train: images, seed 0 (stale)" in plan and "2 runs to train" in plan and "2 measured" in plan
    copied.ivvit("accept", "joint", "--why", "only a name was added")
    row = copied.states()["joint/0"]
    assert row["state"] == "fresh" and re.match(r"accepted by .+: only a name was added", row["why"][0])
    assert "joint" not in copied.ivvit("clean")
    dry = copied.python("-m", "snakemake", "-n", "--cores", "1").stdout
    assert set(re.findall(r"Training (.+)", dry)) == {"images, seed 0"}
    copied.ivvit("accept", "joint", "--undo")
    assert copied.states()["joint/0"]["state"] == "stale"
    dry = copied.python("-m", "snakemake", "-n", "--cores", "1").stdout
    assert set(re.findall(r"Training (.+)", dry)) == {"images, seed 0", "joint, seed 0"}


def test_more_than_code_is_accepted_only_anyway(copied: Workspace) -> None:
    copied.edit("config/config.yaml", "lr: 1.0e-3", "lr: 2.0e-3")
    refused = copied.python("-m", "ivvit", "accept", "joint", "--why", "the same")
    assert refused.returncode == 2 and "optimizer.lr: 0.001 -> 0.002" in refused.stderr
    copied.ivvit("accept", "joint", "--why", "the same", "--anyway")
    assert copied.states()["joint/0"]["state"] == "fresh"


def test_history_and_clean(copied: Workspace) -> None:
    copied.edit("config/config.yaml", "iterations: 2", "iterations: 1")
    assert copied.states()["images/0"]["why"] == ["iterations: 2 -> 1"]
    old = copied.folder_of("images")
    copied.ivvit("train", "images")
    history = copied.ivvit("history", "images")
    assert "since the one before: iterations: 2 -> 1" in history and history.count("seed 0") == 2
    store = copied / "data/frames/mjpeg-q3-256-00000000"
    store.mkdir()
    listed = copied.ivvit("clean")
    assert str(old.relative_to(copied.folder)) in listed and "3 folders" in listed
    assert f"{store.relative_to(copied.folder)}  frame store of other code than today's" in listed
    assert old.is_dir()
    copied.ivvit("clean", "--yes")
    assert not old.exists() and not store.exists() and copied.states()["images/0"]["state"] == "fresh"
    assert copied.ivvit("clean") == "nothing is superseded\n"


@pytest.mark.slow
def test_clean_leaves_what_other_configurations_made(copied: Workspace) -> None:
    text = (copied / "config/config.yaml").read_text()
    (copied / "config/other.yaml").write_text(text.replace("  joint:", "  theirs:").replace("  images:", "  extra:"))
    copied.edit("config/other.yaml", "iterations: 2", "iterations: 1")
    copied.ivvit("train", "extra", "--config", "config/other.yaml")
    other = copied.folder_of("extra")
    half = copied / "results/runs/0123456789abcdef/seed0"
    half.mkdir(parents=True)
    (half / "provenance.json").write_text(json.dumps({"name": "images", "seed": 0, "sessions": []}))
    folders = [copied / "results/studies/elsewhere" / name for name in ("old", "claimed")]
    for folder in folders:
        folder.mkdir(parents=True)
    with run_lock(folders[1] / "claims/3/lock"):
        ours, _, rest = copied.ivvit("clean", "--yes").partition("belonging to no experiment of this configuration")
    assert "images, seed0, unfinished" in ours and not half.exists() and "extra" not in ours
    assert "extra, seed0, finished" in rest and "elsewhere/old" in rest and "elsewhere/claimed" not in rest
    assert "2 folders" in rest and "add --yes --all" in rest and other.is_dir() and folders[0].is_dir()
    with run_lock(other / "state/lock"), run_lock(folders[1] / "claims/3/lock"):
        copied.ivvit("clean", "--yes", "--all")
    assert other.is_dir() and [folder.is_dir() for folder in folders] == [False, True]
    silent = {"host": "node7", "pid": 8, "started": "9", "machine": "another", "token": "0", "since": 1e9}
    (other / "state/lock").write_text(json.dumps(silent))
    os.utime(other / "state/lock", (1e9, 1e9))
    told = copied.ivvit("clean", "--yes", "--all")
    assert other.is_dir() and "left as it is" in told and "node7, process 8, heartbeat lost since 2001" in told
    (other / "state/lock").unlink()
    copied.ivvit("clean", "--yes", "--all")
    assert not other.exists() and not folders[1].parent.exists() and copied.states()["images/0"]["state"] == "fresh"


def test_another_version_is_reported_and_re_runs_only_if_asked_to(copied: Workspace) -> None:
    MUTATIONS["another_torch"].apply(copied)
    row = copied.states()["joint/0"]
    assert row["state"] == "fresh" and re.fullmatch(r"made with other versions: torch .+ -> 99\.0\.0", row["why"][0])
    copied.edit("config/config.yaml", "runtime: {", "runtime: {on_version_drift: rerun, ")
    assert copied.states()["joint/0"]["state"] == "stale"


def test_what_would_become_stale(copied: Workspace) -> None:
    told = copied.ivvit("why", "images", "--if", "optimizer.lr=3e-5")
    assert "images would become stale\n  optimizer.lr: 0.001 -> 3e-05" in told.replace("shades.", "")
    assert "1 of 2 experiments would become stale" in told
    assert copied.states()["images/0"]["state"] == "fresh"


@pytest.mark.slow
def test_a_refused_second_job_is_no_failure_of_the_first(copied: Workspace) -> None:
    run = copied.folder_of("joint")
    (run / "model.safetensors").unlink()
    with run_lock(run / "state" / "lock"):
        assert copied.states()["joint/0"]["state"] == "running"
        refused = copied.python("-m", "ivvit", "train", "joint")
        lock = json.loads((run / "state" / "lock").read_text())
        (run / "state" / "lock").write_text(json.dumps(lock | {"host": "node7"}))
        os.utime(run / "state" / "lock", (1e9, 1e9))
        row = copied.states()["joint/0"]
        assert row["state"] == "silent" and "heartbeat lost since" in row["why"][0]
        (run / "state" / "lock").write_text(json.dumps(lock))
    assert "is being trained by process" in refused.stderr
    (copied / f"logs/train/{run.parent.name}-seed0.log").write_text(refused.stderr)
    provenance = json.loads((run / "provenance.json").read_text())
    provenance["sessions"][-1]["end"] = "killed"
    (run / "provenance.json").write_text(json.dumps(provenance))
    assert copied.states()["joint/0"]["state"] == "interrupted"


def test_code_that_cannot_be_parsed_is_an_error(copied: Workspace) -> None:
    append(copied, CODE, "\ndef (\n")
    outcome = copied.run()
    assert outcome.status == 1 and outcome.jobs == set()
    assert "optimizers.py" in outcome.text and "cannot be parsed" in outcome.text


@pytest.mark.slow
def test_code_that_changes_while_a_job_waits(copied: Workspace) -> None:
    append(copied, CODE, "\nVALUE = 1\n")
    command = [sys.executable, "-m", "snakemake", "--cores", "1"]
    running = subprocess.Popen(command, cwd=copied.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    before = set((copied / "results/runs").glob("*/seed0/train.log"))
    while running.poll() is None and not set((copied / "results/runs").glob("*/seed0/train.log")) - before:
        time.sleep(0.02)
    append(copied, CODE, "\nOTHER = 2\n")
    text = running.communicate(timeout=3600)[0]
    assert running.returncode == 1 and "were planned" not in text
    assert "nothing was trained. Start snakemake again" in text
    assert len(set((copied / "results/runs").glob("*/seed0/model.safetensors"))) == len(before) + 1
    assert copied.run().jobs == JOINT | IMAGES


@pytest.mark.slow
def test_results_brought_to_another_machine(copied: Workspace, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere"
    subprocess.run(["cp", "-a", f"{copied.folder}/.", str(target)], check=True)
    moved = Workspace(target)
    assert moved.run().jobs == set()
    assert {row["state"] for row in moved.states().values()} == {"fresh"}


@pytest.mark.slow
def test_more_iterations_go_on_where_that_is_exact(copied: Workspace) -> None:
    copied.edit("config/config.yaml", "iterations: 2", "iterations: 3")
    assert "images: begins anew, and not where the run of 2 iterations ended: the cosine" in copied.ivvit(
        "train", "images"
    )
    copied.edit("config/config.yaml", "defaults:", "defaults:\n  lr_schedule: constant")
    copied.ivvit("train", "images")
    copied.edit("config/config.yaml", "iterations: 3", "iterations: 5")
    assert "images: goes on from iteration 3" in copied.ivvit("train", "images")
    assert recorded(copied, "images")["sessions"][0]["from_iteration"] == 3
