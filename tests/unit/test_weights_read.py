"""Checkpoint files are read without running their code, and every unreadable one is named with its reason."""

import argparse
import os

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from ivvit.ground.errors import UserError
from ivvit.weights import read_state_dict

STATE = {"a": torch.arange(20_000.0), "b": torch.ones(2, 3)}


class Malicious:
    """Runs a command when unpickled."""

    def __init__(self, command):
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


def assert_read(path):
    found = read_state_dict(path)
    assert found.keys() == STATE.keys()
    assert all(torch.equal(found[name], STATE[name]) for name in STATE)


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [None, "state_dict", "model"])
def test_pytorch(tmp_path, zipped, wrap):
    content = {wrap: STATE, "epoch": 7, "optimizer": {"lr": 0.1}} if wrap else STATE
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert_read(tmp_path / "w.pth")


@pytest.mark.parametrize("name", ["w.safetensors", "w.bin"])
def test_safetensors_by_content(tmp_path, name):
    save_file(STATE, tmp_path / name)
    assert_read(tmp_path / name)


def test_npz(tmp_path):
    np.savez(tmp_path / "w.npz", **{name: tensor.numpy() for name, tensor in STATE.items()})
    assert_read(tmp_path / "w.npz")


def test_a_folder_of_the_hub(tmp_path):
    with pytest.raises(UserError, match=r"neither model.safetensors nor pytorch_model.bin"):
        read_state_dict(tmp_path)
    save_file(STATE, tmp_path / "model.safetensors")
    assert_read(tmp_path)


def test_code_in_a_pickle_is_not_run(tmp_path):
    canary = tmp_path / "canary"
    torch.save({"state_dict": STATE, "x": Malicious(f"touch {canary}")}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"w.pth is a pickle that wants to run code.*system.*save its tensors alone"):
        read_state_dict(tmp_path / "w.pth")
    assert not canary.exists()


def test_harmless_objects_are_refused_as_well(tmp_path):
    torch.save({"state_dict": STATE, "args": argparse.Namespace(lr=1)}, tmp_path / "w.pth")
    with pytest.raises(UserError, match=r"argparse.Namespace"):
        read_state_dict(tmp_path / "w.pth")


class Scripted(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(3))

    def forward(self, x):
        return x * self.weight


@pytest.mark.filterwarnings("ignore")  # torch.jit is on its way out; files of it are there
def test_a_program_is_not_run_and_how_to_have_its_tensors_is_said(tmp_path):
    torch.jit.save(torch.jit.script(Scripted()), str(tmp_path / "ViT-B-16.pt"))
    with pytest.raises(UserError, match=r"TorchScript program.*torch\.jit\.load\(FILE\)\.float\(\)\.state_dict\(\)"):
        read_state_dict(tmp_path / "ViT-B-16.pt")
    torch.save(torch.jit.load(tmp_path / "ViT-B-16.pt").float().state_dict(), tmp_path / "new.pt")
    assert read_state_dict(tmp_path / "new.pt")["weight"].tolist() == [1, 1, 1]


def test_objects_in_npz_are_refused(tmp_path):
    np.savez(tmp_path / "w.npz", a=np.array([{}], dtype=object))
    with pytest.raises(UserError, match="Object arrays"):
        read_state_dict(tmp_path / "w.npz")


@pytest.mark.parametrize("kind", ["zip", "pickle", "safetensors", "npz"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.999])
def test_truncated_files(tmp_path, kind, share):
    path = tmp_path / "w"
    if kind == "safetensors":
        save_file(STATE, path)
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, **{name: tensor.numpy() for name, tensor in STATE.items()})
    else:
        torch.save(STATE, path, _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=f"{path} is truncated"):
        read_state_dict(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"<!DOCTYPE html><html>", "HTML page"),
        (b"garbage" * 100, "not a checkpoint of PyTorch"),
        (b"", "truncated or no checkpoint"),
    ],
)
def test_no_checkpoint(tmp_path, content, message):
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(UserError, match=f"w.pth is .*{message}"):
        read_state_dict(tmp_path / "w.pth")


def test_a_flipped_byte(tmp_path):
    torch.save(STATE, tmp_path / "w.pth")
    content = bytearray((tmp_path / "w.pth").read_bytes())
    content[40_000] ^= 1
    (tmp_path / "w.pth").write_bytes(content)
    with pytest.raises(UserError, match="checksum"):
        read_state_dict(tmp_path / "w.pth")


@pytest.mark.parametrize("content", [torch.zeros(3), {"epoch": 3}, {"state_dict": {}}])
def test_no_tensors_by_name(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(UserError, match="no tensors by name"):
        read_state_dict(tmp_path / "w.pth")


def test_no_file(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}/w.pth does not exist"):
        read_state_dict(tmp_path / "w.pth")
