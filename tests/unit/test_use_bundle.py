"""What a paper's appendix needs, in one file that is checked elsewhere; and how two models differ."""

import gzip
import json
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from data_sets import cifar, image, image_folder, video_folder

from ivvit.cli import main

CONFIG = """\
root_path: data
datasets:
  pets: {kind: image-folder, path: pets}
  films: {kind: video-folder, path: films, clip_seconds: 0.4}
  CIFAR100: {expect: none}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
  iterations: 2
  num_frames: 2
  precision: fp32
  datasets: {pets: 2, films: 2, CIFAR100: 2}
experiments:
  x: {model: IV-ViT, evaluation: {knn: 2}}
  y: {model: MSCA, optimizer: {lr: 0.01}}
runtime: {workers: 0, gpus: 0}
"""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trained and evaluated experiments on images, videos and CIFAR's pickles."""
    folder = tmp_path_factory.mktemp("workspace")
    image_folder(folder / "data/pets")
    video_folder(folder / "data/films")
    cifar(folder / "data/datasets/CIFAR100/cifar-100-python")
    (folder / "config.yaml").write_text(CONFIG)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in ("validate pets", "validate films", "validate CIFAR100", "extract films", "train x", "train y"):
            assert command(*words.split()) == 0
        assert command("bundle", "x", "--out", "x.tar") == 0
    return folder


@pytest.fixture(autouse=True)
def _inside(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(workspace)


def command(*arguments: str) -> int:
    return main([arguments[0], *arguments[1:], "--config", "config.yaml"])


def test_a_bundle_is_complete_and_the_same_every_time(workspace, tmp_path):
    for name in ("again.tar", "again.tar.gz"):
        assert command("bundle", "x", "--out", str(tmp_path / name)) == 0
    assert (tmp_path / "again.tar").read_bytes() == (workspace / "x.tar").read_bytes()
    assert gzip.decompress((tmp_path / "again.tar.gz").read_bytes()) == (workspace / "x.tar").read_bytes()
    assert (tmp_path / "again.tar.gz").read_bytes()[4:8] == bytes(4), "no time in it"
    with tarfile.open(workspace / "x.tar") as archive:
        archive.extractall(tmp_path, filter="data")
        assert not [name for name in archive.getnames() if archive.getmember(name).issym()]
    ran = subprocess.run(["sha256sum", "--check", "--strict", "SHA256SUMS"], cwd=tmp_path, capture_output=True)
    assert ran.returncode == 0, ran.stdout
    about = json.loads((tmp_path / "bundle.json").read_text())
    assert about["data"].keys() == {"pets", "films", "CIFAR100"} and about["seeds"] == [0]
    assert about["identity"] == json.loads((tmp_path / "seed0/metrics.json").read_text())["identity"]
    assert {"digest"} <= about["code"].keys() and about["versions"]["torch"]
    for name in ("experiment.yaml", "manifests/films.arrow", "locks/frames-films.json", "seed0/model.safetensors",
                 "seed0/predictions.parquet", "seed0/history.csv", "seed0/provenance.json"):  # fmt: skip
        assert (tmp_path / name).is_file(), name


def test_it_is_verified_elsewhere(workspace, tmp_path, capsys):
    """Without configuration, manifests or frame store, whatever the files' times; other data is noticed by name."""
    left = shutil.ignore_patterns("frames")
    shutil.copytree(workspace / "data", tmp_path / "data", ignore=left, copy_function=shutil.copyfile)
    arguments = ["verify", str(workspace / "x.tar"), "--root", str(tmp_path / "data")]
    assert main(arguments) == 0
    said = capsys.readouterr()
    assert len(re.findall(r"seed 0, \w+ \(test\): .*, 0 differ, 0 not usable", said.out)) == 3
    assert "all samples agree" in said.err
    assert said.out.count("  not compared: the numbers of nearest neighbours") == 3
    image(tmp_path / "data/pets/val/c1/0.png", 77)
    (tmp_path / "data/films/val/c0/0.avi").write_bytes(b"gone")
    assert main(arguments) == 1
    said = capsys.readouterr().out
    assert re.search(r"not usable: .*pets/val/c1/0.png: its content is not that of the bundle's manifest", said)
    assert re.search(r"not usable: .*films/val/c0/0.avi: ", said) and said.count("not usable: ") == 2


def test_a_model_that_says_otherwise_is_noticed(workspace, tmp_path, capsys):
    """Numbers in the bundle that its model does not give."""
    with tarfile.open(workspace / "x.tar") as archive:
        archive.extractall(tmp_path / "x", filter="data")
    model = workspace / "results/experiments/y/seed0/model.safetensors"
    shutil.copyfile(model, tmp_path / "x/seed0/model.safetensors")
    script = "sha256sum $(cut -c67- SHA256SUMS) > new && mv new SHA256SUMS"
    subprocess.run(script, shell=True, cwd=tmp_path / "x", check=True)
    with tarfile.open(tmp_path / "other.tar", "w") as archive:
        archive.add(tmp_path / "x", "")
    assert main(["verify", str(tmp_path / "other.tar"), "--root", "data"]) == 1
    assert "  differs: " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda file: file.write_bytes(b"no archive" * 100), "is not a bundle, or is damaged"),
        (lambda file: file.write_bytes(file.read_bytes()[:30_000]), "is not a bundle, or is damaged"),
        (lambda file: flip(file), "is damaged: seed0/model.safetensors is not what was packed"),
        (lambda file: file.unlink(), "is not a bundle, or is damaged"),
    ],
)
def test_a_damaged_bundle(change, message, workspace, tmp_path, capsys):
    shutil.copy(workspace / "x.tar", tmp_path / "x.tar")
    change(tmp_path / "x.tar")
    assert main(["verify", str(tmp_path / "x.tar"), "--root", "data"]) == 2
    assert message in capsys.readouterr().err


def flip(file: Path) -> None:
    """Other bytes in the middle of the model."""
    with tarfile.open(file) as archive:
        member = archive.getmember("seed0/model.safetensors")
    content = bytearray(file.read_bytes())
    content[member.offset_data + member.size // 2] ^= 255
    file.write_bytes(content)


def test_one_clear_error(workspace, tmp_path, capsys):
    for arguments, message in (
        (["bundle", "x", "--out", "x.tar", "--seed", "7"], "x, seed 7: is not trained and evaluated as it is now"),
        (["bundle", "z", "--out", "x.tar"], "unknown experiment 'z'"),
        (["bundle", "x", "--out", str(tmp_path)], "is a folder; name a file in it"),
        (["compare", "x", "z"], "unknown experiment 'z'; known: x, y; nor is it a file or folder"),
    ):
        assert command(*arguments) == 2
        assert message in capsys.readouterr().err
    assert main(["verify", "x.tar", "--root", str(tmp_path)]) == 2
    assert "has none of the bundle's data sets" in capsys.readouterr().err


def test_two_models_compared(workspace, capsys):
    assert command("compare", "x", "y", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert "model.name: IV-ViT -> MSCA" in " ".join(found["differences"]) and found["versions"] == []
    assert any(text.startswith("optimizer.lr: ") for text in found["differences"])
    metrics = [json.loads((workspace / f"results/experiments/{name}/seed0/metrics.json").read_text()) for name in "xy"]
    for entry in found["samples"]:
        tops = [one["datasets"][entry["dataset"]]["top1"] for one in metrics]
        assert entry["top1"] == pytest.approx(tops)
        right = [entry["both"] + len(entry[key]) for key in ("only_first", "only_second")]
        assert right == [round(top * entry["num_samples"]) for top in tops]
        assert sum(right) - entry["both"] + entry["neither"] == entry["num_samples"]
    assert command("compare", "results/experiments/x/seed0", "x") == 0
    said = capsys.readouterr().out
    assert "differences: none" in said and "only x 0" in said and "p = 1" in said
