"""The lock of pretrained weights, by which training finds them."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ivvit.ground.digest import sha256_of
from ivvit.ground.errors import UserError
from ivvit.weights.read import read_state_dict

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1


def load_converted(lock: Path, root: Path) -> "dict[str, Tensor]":
    """The tensors that a lock names, under timm's names.

    Args:
        lock: written by `ivvit.weights.fetch`.
        root: the configuration's root_path, under which the converted file lies.

    Raises:
        UserError: the lock or its file is missing, of another format, or the file is not the one locked.
    """
    try:
        content = json.loads(lock.read_text(encoding="utf-8"))
        if not isinstance(content, dict) or not {"path", "sha256", "name"} <= content.keys():
            raise ValueError("it is not what was written")
    except (OSError, ValueError) as error:
        raise UserError(f"weights lock {lock} cannot be read ({error}); fetch the weights again") from None
    if content.get("format") != FORMAT:
        raise UserError(
            f"weights lock {lock} has format {content.get('format')}, not {FORMAT}; fetch the weights again"
        )
    path = root / content["path"]
    if not path.is_file() or sha256_of(path) != content["sha256"]:
        state = "is not the file that was locked" if path.is_file() else "does not exist"
        raise UserError(f"{path} {state}; delete {lock} and fetch {content['name']!r} again")
    return read_state_dict(path)
