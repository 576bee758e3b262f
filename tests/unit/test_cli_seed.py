"""Command lines of the authors' code do here what they said there, or say what else they do."""

import io
import os
from pathlib import Path

import pytest
import torch
from weights_server import file, serve

from ivvit.cli import main, make_parser
from ivvit.cli.direct import direct_config
from ivvit.config import Config
from ivvit.ground.errors import UserError
from ivvit.weights.sources import find_source

README = "-bsl 16 16 4 4 -dn Tiny-ImageNet CIFAR100 UCF101 Kinetics200 --pretrain Kinetics400 --root_path ~/data_root/"


def configuration(options: str, command: str = "train") -> Config:
    return direct_config(make_parser().parse_args([command, *options.split()]))


@pytest.mark.parametrize("command", ["train", "optuna"])
def test_the_readmes_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    config = configuration(f"--mode {command} -i 10000 {README} --model IV-ViT --use_comet", command)
    experiment = config.experiment("command-line")
    assert {name: use.batch_size for name, use in experiment.datasets.items()} == {
        "Tiny-ImageNet": 16,
        "CIFAR100": 16,
        "UCF101": 4,
        "Kinetics200": 4,
    }
    assert (experiment.model.name, experiment.pretrain, experiment.iterations) == ("IV-ViT", "Kinetics400", 10_000)
    assert config.root == Path("~/data_root").expanduser()
    assert config.entries["command-line"].runtime.comet
    assert "in the authors' code it turned it off" in capsys.readouterr().err


def test_every_option_of_their_args_py() -> None:
    config = configuration(
        "--iteration 300 --batch_size_list 4 --num_workers 2 --sche_list 200 250 --lr_gamma 0.2 --weight_decay 1e-4"
        " --dataset_names UCF101 --cuda cpu --ex_name mine -amp --model tokenshift --pretrain ImageNet-21k"
        " --p_I21K_2 mine/weights.pth --loss_weight_length 100 --no-use_comet --root_path data"
        " --comet_tag x --p_K400_1 x --p_I21K_1 x --p_esK400_1 x --p_esK400_2 x"
    )
    experiment, runtime = config.experiment("mine"), config.entries["mine"].runtime
    schedule = experiment.lr_schedule["UCF101"]
    assert (schedule.name, schedule.milestones, schedule.gamma) == ("MultiStepLR", (200, 250), 0.2)
    assert experiment.optimizer["UCF101"].weight_decay == 1e-4
    assert (experiment.precision, experiment.model.name, experiment.loss_weighting.window) == (
        "fp16",
        "TokenShift",
        100,
    )
    assert (runtime.workers, runtime.gpus, runtime.comet) == (2, 0, False)
    assert find_source("ImageNet-21k", config.sources).location == "pretrained_weight/mine/weights.pth"


def test_names_of_theirs() -> None:
    experiment = configuration("-dn UCF101 -bsl 4 --model ViT --pretrain None").experiment("command-line")
    assert (experiment.model.name, experiment.pretrain) == ("IV-ViT", "none")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--mode optuna", "the command is `ivvit optuna` here"),
        ("--lr_gamma 0.1", "give --sche_list"),
        ("--cuda tpu", "write cuda:<number>"),
    ],
)
def test_what_cannot_be_meant(options: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        configuration(f"-dn UCF101 -bsl 4 {options}")


def test_a_gpu_by_its_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    assert configuration("-dn UCF101 -bsl 4 --cuda cuda:1").entries["command-line"].runtime.gpus == 1
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "1"


def test_download_fetches_files_and_keeps_what_is_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    there = tmp_path / "pretrained_weight" / "ImageNet21k" / "video_model_imagenet21k_pretrained.pth"
    there.parent.mkdir(parents=True)
    there.write_bytes(b"put there by hand")
    assert main(["download", "ImageNet-21k", "--root_path", str(tmp_path)]) == 0
    assert there.read_bytes() == b"put there by hand"
    assert str(there) in capsys.readouterr().out


def test_download_is_the_download_alone(tmp_path: Path) -> None:
    content = io.BytesIO()
    torch.save({"cls_token": torch.zeros(1, 1, 4)}, content)
    with serve() as server:
        server.routes["/w.pth"] = file(content.getvalue())
        config = tmp_path / "config.yaml"
        config.write_text(
            f"root_path: {tmp_path}\nweights: {{mine: {{url: '{server.address}/w.pth', file: m/w.pth}}}}\n"
        )
        assert main(["download", "mine", "--config", str(config)]) == 0
    assert (tmp_path / "pretrained_weight/m/w.pth").read_bytes() == content.getvalue()
    assert not (tmp_path / "pretrained_weight/converted").exists()
