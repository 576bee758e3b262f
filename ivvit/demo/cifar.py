"""CIFAR-100's three files, with the keys and the opcodes of the official ones, which Python 2 pickled."""

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ivvit.demo.drawing import Bytes


class _Python2Pickler(pickle._Pickler):  # the public class is C code, whose opcodes cannot be chosen
    write: Callable[[bytes], Any]  # of the private class, which no type checker knows
    memoize: Callable[[Any], None]
    dispatch: ClassVar[dict[type, Callable[..., None]]] = dict(pickle._Pickler.dispatch)

    def _save_str(self, value: bytes | str) -> None:
        raw = value.encode("latin1") if isinstance(value, str) else value
        short = len(raw) < 256
        self.write(
            (pickle.SHORT_BINSTRING + bytes([len(raw)]) if short else pickle.BINSTRING + struct.pack("<i", len(raw)))
            + raw
        )
        self.memoize(value)

    dispatch[bytes] = dispatch[str] = _save_str

    def save_global(self, obj: Any, name: str | None = None) -> None:
        if getattr(obj, "__module__", "") != "numpy._core.multiarray":
            return super().save_global(obj, name)  # type: ignore[misc]
        self.write(pickle.GLOBAL + f"numpy.core.multiarray\n{obj.__name__}\n".encode())
        return self.memoize(obj)


def _dump(content: dict[bytes, Any], path: Path) -> None:
    with path.open("wb") as file:
        _Python2Pickler(file, protocol=2).dump(content)


def write_split(path: Path, images: Bytes, fine: list[int], coarse: list[int]) -> None:
    """`train` or `test`: `images` (N, 32, 32, 3) uint8 RGB, one fine and one coarse label each."""
    planes = np.ascontiguousarray(images.transpose(0, 3, 1, 2)).reshape(len(images), -1)
    names = [f"texture_s_{index:06d}.png".encode() for index in range(len(images))]
    batch = f"{path.name}ing batch 1 of 1".encode()
    _dump(
        {b"filenames": names, b"batch_label": batch, b"fine_labels": fine, b"coarse_labels": coarse, b"data": planes},
        path,
    )


def write_meta(path: Path, fine: list[str], coarse: list[str]) -> None:
    """`meta`: the names of the fine and coarse labels."""
    _dump(
        {
            b"fine_label_names": [name.encode() for name in fine],
            b"coarse_label_names": [name.encode() for name in coarse],
        },
        path,
    )
