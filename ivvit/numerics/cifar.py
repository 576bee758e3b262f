"""CIFAR100's python version: pickles read without running any code that a pickle may carry."""

import codecs
import importlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ivvit.ground.errors import UserError

SPLIT_FILES = {"train": "train", "test": "test"}
SHAPE = (3, 32, 32)


class _NumpyOnly(pickle.Unpickler):
    """Allows what the official files need: arrays of bytes and nothing that runs code."""

    def find_class(self, module: str, name: str) -> Callable[..., Any]:
        place = module.replace("numpy.core.", "numpy._core.")  # its name before numpy 2
        if (place, name) in (("numpy._core.multiarray", "_reconstruct"), ("numpy._core.numeric", "_frombuffer")):
            return getattr(importlib.import_module(module if np.__version__ < "2" else place), name)
        if (module, name) in (("numpy", "ndarray"), ("numpy", "dtype")):
            return getattr(np, name)
        if (module, name) == ("_codecs", "encode"):
            return codecs.encode
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which CIFAR100's files do not need")


def read_pickle(file: Path) -> dict[bytes, Any]:
    """The dictionary in one of CIFAR100's files, keys as bytes.

    Raises:
        UserError: the file is missing, damaged, or asks for anything but arrays.
    """
    try:
        with file.open("rb") as stream:
            content = _NumpyOnly(stream, encoding="bytes").load()
    except FileNotFoundError:
        raise UserError(f"{file} does not exist; unpack cifar-100-python.tar.gz there") from None
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror}); mend access to it and start again") from error
    except Exception as error:  # a damaged pickle can raise almost anything
        raise UserError(f"{file} cannot be read ({error}); unpack cifar-100-python.tar.gz again") from error
    return {key.encode() if isinstance(key, str) else key: value for key, value in content.items()}


def read_images(file: Path) -> np.ndarray:
    """Images (N, 3, 32, 32) uint8 of one of CIFAR100's split files.

    Raises:
        UserError: see `read_pickle`; also if the array has another shape.
    """
    data = np.asarray(read_pickle(file).get(b"data"))
    if data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != 3072:
        raise UserError(f"{file}: expected data of N x 3072 bytes, found {data.dtype} {data.shape}")
    return data.reshape(-1, *SHAPE)
