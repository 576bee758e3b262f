"""Weights that cannot be right: `ivvit weights` ends with one message that names the file and what to do."""

import io
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from outcomes import refused, share
from safetensors.torch import save_file

from ivvit.numerics.models import create_model

ARGS = {"img_size": 32, "embed_dim": 24, "depth": 1, "num_heads": 3}
Make = Callable[[Path], object]


def vit(**changes: torch.Tensor | None) -> dict[str, torch.Tensor]:
    """A tiny ViT's tensors under timm's names, some changed or left out."""
    model = create_model("IV-ViT", {"a": 2}, backbone="vit_tiny_patch16_224", num_frames=1, backbone_args=ARGS)
    tensors = {name.removeprefix("backbone."): value for name, value in model.state_dict().items()
               if name.startswith("backbone.")}  # fmt: skip
    for name, value in changes.items():
        tensors.pop(name.replace("__", "."), None)
        tensors |= {} if value is None else {name.replace("__", "."): value}
    return {name: value.contiguous() for name, value in tensors.items()}


def saved(content: object) -> Make:
    return lambda path: torch.save(content, path)


def written(content: bytes) -> Make:
    return lambda path: path.write_bytes(content)


def cut(make: Make, share: float = 0.5) -> Make:
    def made(path: Path) -> None:
        make(path)
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])

    return made


def flipped(make: Make, place: float = 0.7) -> Make:
    """A sound file with one byte changed."""

    def made(path: Path) -> None:
        make(path)
        content = bytearray(path.read_bytes())
        content[int(len(content) * place)] ^= 0xFF
        path.write_bytes(content)

    return made


class _Code:
    def __reduce__(self) -> tuple:
        return os.system, ("touch /tmp/ivvit-was-run",)


def zipped(**files: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return content.getvalue()


def npz(**arrays: np.ndarray) -> Make:
    return lambda path: np.savez(path.open("wb"), **arrays)


SAFE: Make = lambda path: save_file(vit(), path)  # noqa: E731
CASES: dict[str, tuple[Make, str]] = {
    "nothing there": (lambda path: None, "w.pth does not exist"),
    "a link to nowhere": (lambda path: path.symlink_to("nowhere"), "w.pth does not exist"),
    "a link to itself": (lambda path: path.symlink_to("w.pth"), "w.pth"),
    "an empty folder": (Path.mkdir, "has neither model.safetensors nor pytorch_model.bin"),
    "an empty file": (written(b""), "w.pth"),
    "text": (written(b"these are weights, honestly"), "is not a checkpoint of PyTorch, safetensors or NumPy"),
    "a web page": (written(b"\n <!DOCTYPE html><html>"), "is an HTML page, not weights; delete it"),
    "zeros": (written(b"\0" * 4096), "w.pth"),
    "random bytes": (written(np.random.default_rng(0).bytes(4096)), "w.pth"),
    "an image": (written(b"\x89PNG\r\n\x1a\n" + b"\0" * 64), "is not a checkpoint"),
    "a zip of text": (written(zipped(a=b"x")), "w.pth"),
    "an empty zip": (written(zipped()), "w.pth"),
    "PyTorch, cut": (cut(saved(vit())), "is truncated or no checkpoint"),
    "PyTorch, the last byte cut": (cut(saved(vit()), 0.999), "is truncated or no checkpoint"),
    "PyTorch, a byte changed": (flipped(saved(vit())), "bad checksum of"),
    "safetensors, cut": (cut(SAFE), "is truncated or no checkpoint"),
    "safetensors, its header cut": (cut(SAFE, 0.001), "w.pth"),
    "safetensors, a header too long": (written((2**60).to_bytes(8, "little") + b"{}"), "is truncated or no checkpoint"),
    "safetensors, a broken header": (written((9).to_bytes(8, "little") + b"{broken!}"), "is truncated or no"),
    "NumPy, cut": (cut(npz(a=np.zeros(1000))), "is truncated or no checkpoint"),
    "NumPy, objects": (npz(a=np.array([{}], object)), "w.pth"),
    "a pickle with code": (written(pickle.dumps(_Code(), 2)), "is a pickle that wants to run code"),
    "PyTorch with code": (saved({"state_dict": _Code()}), "is a pickle that wants to run code"),
    "a list": (saved([1, 2]), "holds no tensors by name"),
    "a number": (saved(3), "holds no tensors by name"),
    "one tensor": (saved(torch.zeros(3)), "holds no tensors by name"),
    "no tensors": (saved({"a": 1, "b": "c"}), "holds no tensors by name"),
    "an empty dictionary": (saved({}), "holds no tensors by name"),
    "keys of numbers": (saved({1: torch.zeros(2)}), "w.pth"),
    "another model": (saved({"conv1.weight": torch.zeros(2), "layer1.0.weight": torch.zeros(2)}),
                      "unknown checkpoint layout (names such as conv1.weight, layer1.0.weight)"),
}  # fmt: skip
SHAPES: dict[str, tuple[dict[str, torch.Tensor | None], str]] = {
    "a block missing": ({"blocks__0__attn__qkv__weight": None}, "blocks.0.attn.qkv.weight"),
    "another width": ({"norm__weight": torch.zeros(48)}, "norm.weight"),
    "a matrix turned": ({"blocks__0__mlp__fc1__weight": torch.zeros(24, 96)}, "blocks.0.mlp.fc1.weight"),
    "no positions": ({"pos_embed": None}, "pos_embed"),
    "positions of another width": ({"pos_embed": torch.zeros(1, 5, 48)}, "pos_embed"),
    "positions that are no square": ({"pos_embed": torch.zeros(1, 8, 24)}, "pos_embed"),
    "whole numbers": ({"norm__weight": torch.zeros(24, dtype=torch.int64)}, "norm.weight"),
    "truth values": ({"norm__weight": torch.zeros(24, dtype=torch.bool)}, "norm.weight"),
    "complex numbers": ({"norm__weight": torch.zeros(24, dtype=torch.complex64)}, "norm.weight"),
    "not a number": ({"norm__weight": torch.full((24,), float("nan"))}, "norm.weight"),
    "infinite": ({"norm__weight": torch.full((24,), float("inf"))}, "norm.weight"),
    "no dimensions": ({"norm__weight": torch.zeros(())}, "norm.weight"),
}  # fmt: skip


@pytest.mark.parametrize("what", share(CASES, 3))
def test_files(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    make, words = CASES[what]
    make(Path("w.pth"))
    Path("c.yaml").write_text("root_path: .\nweights: {w: {path: w.pth}}\n")
    refused(["weights", "w", "--config", "c.yaml"], 2, words)
    assert not list(Path().glob("results/weights/*/*.json"))
    assert not Path("/tmp/ivvit-was-run").exists()


@pytest.mark.parametrize("what", share(SHAPES, 3))
def test_tensors(what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ivvit.ground.errors import UserError
    from ivvit.weights import load_weights

    changes, words = SHAPES[what]
    model = create_model("IV-ViT", {"a": 2}, backbone="vit_tiny_patch16_224", num_frames=1, backbone_args=ARGS)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(UserError, match=words):
        load_weights(model, vit(**changes))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
