"""Command lines that cannot be right."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from data_sets import image_folder
from outcomes import refused, run, share

CONFIG = """\
root_path: data
datasets:
  shades: {kind: image-folder, path: shades}
  clips: {kind: video-folder, path: clips}
weights: {mine: {path: nowhere.pth}}
defaults:
  backbone: {name: vit_tiny_patch16_224, img_size: 32, embed_dim: 24, depth: 1, num_heads: 3}
experiments:
  images: {datasets: {shades: 2}}
  tuned: {extends: images, from_study: rate}
studies:
  rate: {base: images, n_trials: 2, space: {optimizer.lr: {low: 1.0e-4, high: 1.0e-2, log: true}}}
runtime: {workers: 0, gpus: 0}
"""
DIRECT = "train -dn CIFAR100 -bsl 4 --model MSCA"
CASES: dict[str, tuple[int, str]] = {
    # names
    "statsu": (2, "unknown command 'statsu'; did you mean status?"),
    "STATUS": (2, "unknown command 'STATUS'; did you mean status?"),
    "why imagse": (2, "unknown experiment 'imagse'; did you mean images?"),
    "why IMAGES": (2, "did you mean images?"),
    "show imagse --step 0": (2, "did you mean images?"),
    "history imagse": (2, "did you mean images?"),
    "train imagse": (2, "did you mean images?"),
    "accept imagse --why x": (2, "did you mean images?"),
    "evaluate imagse": (2, "unknown experiment 'imagse'"),
    "compare images imagse": (2, "images"),
    "validate Shades": (2, "unknown data set 'Shades'; did you mean shades?"),
    "extract clip": (2, "did you mean clips?"),
    "study work rat": (2, "unknown study 'rat'; did you mean rate?"),
    "study finish rat": (2, "did you mean rate?"),
    "weights mien": (2, "did you mean mine?"),
    "download Kinetics4000": (2, "did you mean Kinetics400?"),
    "study begin rate": (2, "invalid choice: 'begin'"),
    "comet down": (2, "invalid choice: 'down'"),
    "show images --step 0 --dataset clips": (2, "unknown data set of images 'clips'"),
    # options
    "status --faild": (2, "unrecognized arguments: --faild"),
    "status --fail": (2, "unrecognized arguments: --fail"),
    "status extra": (2, "unrecognized arguments: extra"),
    "status --config": (2, "expected at least one argument"),
    "status --config nope.yaml": (2, "nope.yaml: no such configuration file"),
    "status --configfile nope.yaml": (2, "nope.yaml: no such configuration file"),
    "status --config config": (2, "config: no such configuration file"),
    "plan --at-once 0": (2, "must be a whole number from 1"),
    "plan --at-once -3": (2, "must be a whole number from 1"),
    "plan --at-once two": (2, "must be a whole number from 1"),
    "plan --at-once 1e3": (2, "must be a whole number from 1"),
    "show images": (2, "the following arguments are required: --step"),
    "show images --step -1": (2, "must be a whole number from 0"),
    "show images --step 99999999999999999999": (2, "must be a whole number from 0"),
    "train images --seed -1": (2, "must be a whole number from 0"),
    "train images --seed 18446744073709551616": (2, "must be a whole number from 0"),
    "train images --seed x": (2, "must be a whole number from 0"),
    "validate --workers -1": (2, "must be a whole number from 0"),
    "extract clips --workers -1": (2, "must be a whole number from 0"),
    "extract clips --shards 0": (2, "must be a whole number from 1"),
    "extract clips --shard 4 --shards 4": (2, "--shard 4: parts are counted from 0 to 3"),
    "extract shades": (2, "shades is a data set of images; only videos have a frame store"),
    "extract clips": (2, "clips is not validated as it is now"),
    "study work rate --n-trials -5": (2, "must be a whole number from 1"),
    "study work rate --n-trials 0": (2, "must be a whole number from 1"),
    "study work rate --worker -1": (2, "must be a whole number from 0"),
    "validate --lock x": (2, "--lock is no more"),
    "validate shades --key 0": (1, "files, options or code changed after this job was planned"),
    "tables --key 0": (1, "files, options or code changed after this job was planned"),
    "train --identity 0123456789abcdef": (1, "no experiment has the identity 0123456789abcdef now"),
    # assignments
    "why images --if x": (2, "--if x: write key=value, for instance optimizer.lr=1e-4"),
    "why images --if =3": (2, "--if =3: write key=value"),
    "why images --if optimizer.lr=[1": (2, "is not a valid value; quote it as in a YAML file"),
    "why images --if 'optimizer.lr={a: 1'": (2, "is not a valid value; quote it as in a YAML file"),
    "why images --if optimizer.lr=fast": (2, "optimizer.default.lr: input should be a valid number"),
    "why images --if optimizer.lrr=1": (2, "unknown key 'lrr'; did you mean lr?"),
    "why images --if optimizr.lr=1": (2, "unknown key 'optimizr'; did you mean optimizer?"),
    "why images --if .=3": (2, "unknown key ''"),
    "why images --if model.=3": (2, "experiments.images.model"),
    "why images --if datasets=3": (2, "must hold keys and values"),
    "why images --if datasets.shades.batch_size=0": (2, "greater than or equal to 1"),
    "why images --if datasets.nothing.batch_size=1": (2, "unknown data set 'nothing'"),
    "why --if model=MSCA images": (2, "the name of an experiment goes before --if"),
    # without a configuration
    "train": (2, "name an experiment of the configuration, or give -dn"),
    "train --set optimizer.lr=1 images": (2, "the experiment's name goes before options that take several values"),
    "train images --set optimizer.lr=1": (2, "--set would do nothing: images is an experiment"),
    "train images -dn CIFAR100 -bsl 4": (2, "-dn, -bsl would do nothing"),
    "train -dn CIFAR100 CIFAR100 -bsl 4 4": (2, "-dn names a data set twice (CIFAR100, CIFAR100)"),
    "train -dn CIFAR100 UCF101 -bsl 4": (2, "-bsl has 1 batch sizes ([4]) for 2 data sets"),
    "train -dn CIFAR100": (2, "-bsl has 0 batch sizes"),
    "train -dn CIFAR100 -bsl 0": (2, "must be a whole number from 1"),
    "train -dn CIFAR100 -bsl 1000000000": (2, "must be a whole number from 1 to 1000000"),
    "train -dn CIFAR100 -bsl x": (2, "must be a whole number from 1"),
    "train -dn cifar100 -bsl 4": (2, "unknown data set 'cifar100'; did you mean CIFAR100?"),
    "train -dn shades -bsl 4": (2, "needs kind and path under datasets: of a configuration file (--config)"),
    f"{DIRECT} -i 0": (2, "must be a whole number from 1"),
    f"{DIRECT} -i 1e4": (2, "must be a whole number from 1"),
    f"{DIRECT} -i 99999999999": (2, "must be a whole number from 1"),
    f"{DIRECT} --model MCSA": (2, "did you mean MSCA?"),
    f"{DIRECT} --pretrain kinetics400": (2, "did you mean Kinetics400?"),
    f"{DIRECT} --pretrain file:": (2, "'file:' names no file"),
    f"{DIRECT} --pretrain timm:": (2, "'timm:' names no tag"),
    f"{DIRECT} --set a": (2, "--set a: write key=value"),
    f"{DIRECT} --set optimizer=3": (2, "must hold keys and values"),
    f"{DIRECT} --set optimizer.betas=1": (2, "must be a list"),
    f"{DIRECT} --root_path /nowhere": (2, "/nowhere/datasets/CIFAR100 does not exist"),
    f"{DIRECT} --root_path ''": (2, "data"),
    f"{DIRECT} --root_path '{{x}}'": (2, "root_path: must not hold braces"),
    f"{DIRECT} --results '{{x}}'": (2, "results.path: must not hold braces"),
    f"{DIRECT} --workers -1": (2, "must be a whole number from 0"),
    f"{DIRECT} --cuda gpu0": (2, "--cuda gpu0: write cuda:<number>, cuda or cpu"),
    f"{DIRECT} --mode optuna": (2, "the command is `ivvit optuna` here"),
    f"{DIRECT} --lr_gamma 0.1": (2, "give --sche_list, its milestones, as well"),
    f"{DIRECT} --sche_list 5 3": (2, "must increase"),
    f"{DIRECT} --weight_decay -1": (2, "weight_decay"),
    f"{DIRECT} --ex_name a/b": (2, "is not a valid name"),
    "optuna -dn CIFAR100 -bsl 4 --n-trials 0": (2, "must be a whole number from 1"),
    "optuna -bsl 4": (2, "name an experiment of the configuration, or give -dn"),
    # files
    "predict nope.safetensors x.png": (2, "x.png does not exist"),
    "predict config/config.yaml config/config.yaml": (2, "config.yaml"),
    "evaluate": (2, "name an experiment, a run's folder or a model's file"),
    "evaluate data": (2, "nor is it a folder with model.safetensors"),
    "evaluate images": (2, "not yet known"),
    "export nope --format onnx --out o": (2, "nope"),
    "export images --format tflite --out o": (2, "invalid choice: 'tflite'"),
    "verify nope.tar": (2, "nope.tar is not a bundle, or is damaged"),
    "verify config/config.yaml": (2, "config.yaml is not a bundle, or is damaged"),
    "bundle images": (2, "the following arguments are required: --out"),
    "knn nope --dataset shades": (2, "nope"),
    "accept images": (2, "not yet known"),
    "init": (2, "config/config.yaml is there already"),
    "results": (2, "start `snakemake`"),
}  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("commands")
    image_folder(folder / "data/shades")
    (folder / "config").mkdir()
    (folder / "config/config.yaml").write_text(CONFIG)
    return folder


@pytest.mark.parametrize("line", share(CASES, 3))
def test_command_lines(line: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    refused(shlex.split(line), *CASES[line])
    assert sorted(path.name for path in project.iterdir()) == ["config", "data"]


@pytest.mark.parametrize("line", ["why images --if x", "status --faild", "status --config nope.yaml"])
def test_a_process_of_its_own_ends_so_too(line: str, project: Path) -> None:
    command = [sys.executable, "-m", "ivvit", *shlex.split(line)]
    ran = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=600)
    assert ran.returncode == CASES[line][0] and CASES[line][1] in ran.stderr and "Traceback" not in ran.stderr


def test_own_data_sets_beside_options(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    line = "train -dn shades -bsl 4 --model MSCA --config config/config.yaml --set optimizer.lr=-1"
    assert "lr: input should be greater than 0" in run(*shlex.split(line)).err
