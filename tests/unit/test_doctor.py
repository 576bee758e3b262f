"""`ivvit doctor`: what is wrong, what to do about it, and its exit status."""

import json
import shutil
from pathlib import Path

import pytest
import yaml

from ivvit.cli import main

BASE = {
    "root_path": "data",
    "datasets": {"mine": {"kind": "image-folder", "path": "datasets/mine"}},
    "defaults": {"datasets": {"mine": 2}},
    "experiments": {"one": {}},
    "runtime": {"gpus": 0, "workers": 0},
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for split in ("train", "val"):
        (tmp_path / "data/datasets/mine" / split / "a").mkdir(parents=True)
        (tmp_path / "data/datasets/mine" / split / "a" / "1.png").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))  # this machine may have a Slurm
    monkeypatch.delenv("COMET_API_KEY", raising=False)
    return tmp_path


def findings(capsys: pytest.CaptureFixture[str], **changes: object) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit status, and what was found by topic."""
    Path("config.yaml").write_text(yaml.safe_dump(BASE | changes))
    status = main(["doctor", "--config", "config.yaml", "--json"])
    by_topic: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(capsys.readouterr().out):
        by_topic.setdefault(finding["topic"], []).append(finding)
    return status, by_topic


def command(name: str, text: str) -> None:
    path = Path("bin", name)
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys)
    assert status == 0
    assert found["data sets"][0]["text"].startswith("mine: 1 classes, 1 train")
    assert "h264" in found["codecs"][0]["text"] and found["codecs"][0]["state"] == "ok"
    assert {"Python", "libraries", "GPU", "disk", "configuration", "Slurm", "Comet"} <= set(found)


def test_absent_data_and_weights(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("data")
    experiments = {"one": {"pretrain": "polyvit"}, "two": {"pretrain": "ImageNet-1k"}}
    status, found = findings(capsys, experiments=experiments)
    assert status == 1
    assert found["data sets"][0]["state"] == "wrong" and "does not exist" in found["data sets"][0]["text"]
    by_hand, downloaded = found["weights"]
    assert by_hand["state"] == "wrong" and "polyvit_pretrained.pth" in by_hand["text"]
    assert downloaded["state"] == "note" and "ImageNet1k/vit_b_16-c867db91.pth" in downloaded["remedy"]


def test_the_demo_needs_no_data(capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree("data")
    assert findings(capsys, demo={"data": "joint"})[0] == 0


def test_slurm_that_does_not_answer(capsys: pytest.CaptureFixture[str]) -> None:
    command("sbatch", "exit 0")
    command("sinfo", "echo 'slurm_load_partitions: Unable to contact slurm controller' >&2; exit 1")
    status, found = findings(capsys)
    assert status == 1 and "Unable to contact" in found["Slurm"][0]["text"]


def test_slurm_without_accounting(capsys: pytest.CaptureFixture[str]) -> None:
    command("sbatch", "exit 0")
    command("sinfo", "echo gpu*; echo cpu")
    command("sacct", "echo 'Slurm accounting storage is disabled' >&2; exit 1")
    _, found = findings(capsys)
    assert found["Slurm"][0]["text"] == "partitions gpu*, cpu"
    assert "slurm-status-command: squeue" in found["Slurm"][-1]["remedy"]


def test_comet_without_a_key(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys, runtime=BASE["runtime"] | {"comet": True})
    assert status == 0 and "COMET_API_KEY" in found["Comet"][0]["remedy"]


@pytest.mark.parametrize(("key", "topic"), [("tensorboard", "TensorBoard"), ("wandb", "W&B")])
def test_a_tracker_that_is_not_installed(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, key: str, topic: str
) -> None:
    monkeypatch.setattr("ivvit.doctor.services.find_spec", lambda name: None)
    status, found = findings(capsys, runtime=BASE["runtime"] | {key: True})
    assert status == 1 and found[topic][0]["remedy"] == f"pip install {key}"
    assert topic not in findings(capsys)[1]


def test_a_wrong_configuration_is_a_finding(capsys: pytest.CaptureFixture[str]) -> None:
    Path("config.yaml").write_text("experimets: {}")
    assert main(["doctor", "--config", "config.yaml"]) == 1
    shown = capsys.readouterr().out
    assert "wrong" in shown and "experiments" in shown and "\x1b" not in shown
    assert "-> mend it there" in shown


def test_a_configuration_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 1
    assert "-> `ivvit init` writes one" in capsys.readouterr().out


def test_nothing_to_report_on(capsys: pytest.CaptureFixture[str]) -> None:
    Path("data/datasets/list.csv").write_text("mine/train/a/1.png,a,train\nmine/val/a/1.png,b,train\n")
    listed = {"mine": {"kind": "list-file", "path": "datasets/list.csv", "media": "image"}}
    status, found = findings(capsys, datasets=listed)
    assert (
        status == 1 and found["data sets"][0]["text"] == "mine: 2 classes, 2 train; there is no test split to report on"
    )
    one = {"validation": {"holdout": 0.5}, "evaluation": {"split": "val"}}
    assert findings(capsys, datasets=listed, experiments={"one": one})[0] == 0


def test_results_in_the_place_of_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    Path("notes").write_text("")
    status, found = findings(capsys, results={"path": "notes/results"})
    assert status == 1 and found["disk"][0]["text"].endswith("/notes is a file in the place of a folder")


def test_no_experiments(capsys: pytest.CaptureFixture[str]) -> None:
    status, found = findings(capsys, experiments={})
    assert status == 0 and found["configuration"][0]["state"] == "note"
