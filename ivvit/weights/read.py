"""Checkpoint files -> tensors by name; code in pickles is never run."""

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.ground.errors import UserError
from ivvit.weights.sealed import read_sealed

if TYPE_CHECKING:
    from torch import Tensor

WRAPPERS = ("state_dict", "model_state_dict", "model", "model_ema", "module", "target_encoder", "encoder")
"""The first one decides. V-JEPA's files have an encoder and its average, which is what V-JEPA evaluates."""


def read_state_dict(path: Path | str) -> "dict[str, Tensor]":
    """Read the tensors of a checkpoint: .safetensors, .npz, PyTorch (.pth, .pt, .bin), or a folder of Hugging Face.

    Returns:
        Tensors by the file's own names, on the CPU; wrappers such as {"state_dict": ...} are taken off.

    Raises:
        UserError: the file is missing, damaged, no checkpoint, or a pickle that wants to run code.
    """
    path = file_of(path)
    if not path.is_file():
        raise UserError(f"weights file {path} does not exist")
    with path.open("rb") as file:
        head = file.read(512)
    if head.lstrip()[:1] == b"<":
        raise UserError(f"{path} is an HTML page, not weights; delete it and get the file again")
    try:
        tensors = unwrap(_reader(path, head)(path))
    except pickle.UnpicklingError as error:
        raise UserError(_pickle_message(path, head, error)) from None
    except UserError:
        raise
    except Exception as error:  # damaged files make the readers raise almost anything
        if head and not _known(head):
            raise UserError(_NOTHING.format(path=path)) from None
        raise UserError(f"{path} is truncated or no checkpoint ({_first_line(error)}); get it again") from None
    if not tensors:
        raise UserError(f"{path} holds no tensors by name; expected a state dict, maybe inside one of {WRAPPERS}")
    return tensors


def unwrap(content: Any) -> "dict[str, Tensor]":
    """The tensors by name inside a checkpoint's dictionaries."""
    import torch

    while isinstance(content, dict):
        inner = next((content[key] for key in WRAPPERS if isinstance(content.get(key), dict)), None)
        if inner is None:
            named = {key: value for key, value in content.items() if isinstance(key, str)}
            return {key: value for key, value in named.items() if isinstance(value, torch.Tensor)}
        content = inner
    return {}


def file_of(path: Path | str) -> Path:
    """The checkpoint that is meant: the file itself, or the one in a folder of Hugging Face or of a run.

    Raises:
        UserError: the folder has none.
    """
    path = Path(path).expanduser()
    if path.is_dir():
        found = [path / name for name in ("model.safetensors", "pytorch_model.bin") if (path / name).is_file()]
        if not found:
            raise UserError(f"folder {path} has neither model.safetensors nor pytorch_model.bin")
        return found[0]
    return path


def _reader(path: Path, head: bytes) -> Callable[[Path], Any]:
    """By content: downloads have all kinds of names."""
    if head[8:9] == b"{":  # after the header's length
        return _read_safetensors
    if head[:2] == b"PK":
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # torch.load does not look at the checksums
            if damaged is not None:
                raise zipfile.BadZipFile(f"bad checksum of {damaged}")
            names = archive.namelist()
            if all(name.endswith(".npy") for name in names):
                return _read_npz
            if any(name.endswith("/constants.pkl") for name in names):
                raise UserError(
                    f"{path} is a TorchScript program, as OpenAI publishes CLIP, and programs are not run; if you "
                    "trust its source, save its tensors: torch.save(torch.jit.load(FILE).float().state_dict(), OUT)"
                )
    return _read_torch


def _read_torch(path: Path) -> Any:
    import torch

    return torch.load(path, map_location="cpu", weights_only=True)


def _read_safetensors(path: Path) -> "dict[str, Tensor]":
    from safetensors import SafetensorError

    try:
        return read_sealed(path)
    except SafetensorError as error:
        raise ValueError(error) from None


def _read_npz(path: Path) -> "dict[str, Tensor]":
    import numpy as np
    import torch

    with np.load(path, allow_pickle=False) as arrays:
        return {name: torch.from_numpy(np.ascontiguousarray(arrays[name])) for name in arrays.files}


_NOTHING = "{path} is not a checkpoint of PyTorch, safetensors or NumPy; get it again"


def _known(head: bytes) -> bool:
    """Whether a file begins as a pickle, a zip or safetensors do."""
    return head[:2] == b"PK" or head[:1] == b"\x80" or head[8:9] == b"{"


def _pickle_message(path: Path, head: bytes, error: Exception) -> str:
    if not _known(head):
        return _NOTHING.format(path=path)
    return (
        f"{path} is a pickle that wants to run code when read ({_reason(error)}), so it was not read; if you trust its "
        "source, save its tensors alone once: torch.save(torch.load(FILE, weights_only=False)['state_dict'], NEW)"
    )


def _reason(error: Exception) -> str:
    named = re.search(r"GLOBAL (\S+)", str(error))
    return f"it calls {named[1]}" if named else _first_line(error)


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
