"""torchvision beside a CPU-only torch, and timm; import this module before anything that imports either.

The registry's torchvision is a CUDA build whose compiled operators do not load beside a CPU torch; its Python part
then stops at `operator torchvision::nms does not exist`. Declaring the two schemas it looks for lets the rest load
(transforms, datasets, what timm uses); the compiled operators themselves stay unusable.

Neither imports torch's compiler here, which takes two seconds: functions that it is to leave alone tell it so when they
are first called.
"""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType

import torch

COMPILER = "torch._dynamo.utils"
SCHEMAS = ("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
           "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")  # fmt: skip
_libraries: list[object] = []  # a torch.library.Library forgets its schemas when it is collected


def import_torchvision() -> None:
    """Import torchvision, declaring the schemas it misses where that is all that stops it.

    Raises:
        RuntimeError: whatever else keeps torchvision from being imported.
    """
    try:
        _import_lightly()
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        _declare_schemas()
        _import_lightly()


def _import_lightly() -> None:
    """Import torchvision without torch's compiler: two seconds, for one function that an unused operator asks."""
    if "torchvision" in sys.modules or COMPILER in sys.modules:
        importlib.import_module("torchvision")
        return
    stand_in = ModuleType(COMPILER)
    stand_in.is_compile_supported = lambda device: False  # type: ignore[attr-defined]
    sys.modules[COMPILER] = stand_in
    try:
        importlib.import_module("torchvision")
    except ImportError:  # another version asks for more
        _forget()
    finally:
        del sys.modules[COMPILER]
    importlib.import_module("torchvision")


def _forget() -> None:
    """Drop what is half imported."""
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]


@contextmanager
def without_compiler() -> Iterator[None]:
    """Within this context, `torch.compiler.disable` decorates without the compiler; torch has such a decorator for its
    own functions. Another torch that has none imports its compiler."""
    compiler, known = torch.compiler, torch.compiler.disable
    if lazily := getattr(torch, "_disable_dynamo", None):
        compiler.disable = lambda fn=None, recursive=True, **_: lazily(fn, recursive)
    try:
        yield
    finally:
        compiler.disable = known


def _declare_schemas() -> None:
    _forget()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        library.define(schema)
    _libraries.append(library)


import_torchvision()
with without_compiler():
    importlib.import_module("timm")
