"""Safetensors files of ours that say what they must hold: a digest of their metadata, and one of their tensors.

safetensors itself notices nothing but a broken header.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ivvit.ground.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

KEY = "ivvit"
"""Of the metadata's only entry: safetensors writes several in any order."""


def seal(tensors: "dict[str, Tensor]", content: dict[str, Any]) -> bytes:
    """The file's content; equal tensors and contents give equal bytes.

    Args:
        tensors: by name.
        content: what the file is to say of itself, as JSON values.
    """
    from safetensors.torch import save

    tensors = {name: tensor.contiguous() for name, tensor in tensors.items()}
    content = {**content, "checksum": checksum(tensors)}
    return save(tensors, {KEY: _dump({**content, "sha256": hashlib.sha256(_dump(content).encode()).hexdigest()})})


def read_content(file: Path) -> dict[str, Any] | None:
    """What a safetensors file says of itself, with its `checksum`; None for one that `seal` did not make.

    Raises:
        UserError: that is not what was written.
        OSError, SafetensorError: the file cannot be read at all.
    """
    from safetensors import safe_open

    with safe_open(file, "pt") as opened:
        text = (opened.metadata() or {}).get(KEY)
    if text is None:
        return None
    try:
        content = json.loads(text)
        known = content.pop("sha256", None)
        if known != hashlib.sha256(_dump(content).encode()).hexdigest():
            raise ValueError
    except (ValueError, AttributeError):
        raise UserError(
            f"{file} is damaged: what it says about itself is not what was written; copy it again, or train it again"
        ) from None
    return content


def read_sealed(file: Path) -> "dict[str, Tensor]":
    """The tensors of a safetensors file; of one that `seal` made, those that were written.

    Raises:
        UserError: they are not.
        OSError, SafetensorError: the file cannot be read at all.
    """
    from safetensors.torch import load_file

    content, tensors = read_content(file), load_file(file)
    if content is not None and checksum(tensors) != content["checksum"]:
        raise UserError(f"{file} is damaged: its tensors are not those that were written; copy it again")
    return tensors


def checksum(tensors: "dict[str, Tensor]") -> str:
    """SHA-256 over the tensors' names, types, shapes and bytes."""
    import torch

    found = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        found.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        found.update(tensor.contiguous().flatten().view(torch.uint8).numpy().data)
    return found.hexdigest()


def _dump(content: dict[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False, allow_nan=False)
