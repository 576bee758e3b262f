"""torchvision beside a CPU-only torch; import this module before anything that imports torchvision or timm.

The registry's torchvision is a CUDA build whose compiled operators do not load beside a CPU torch; its Python part
then stops at `operator torchvision::nms does not exist`. Declaring the two schemas it looks for lets the rest load
(transforms, datasets, what timm uses); the compiled operators themselves stay unusable.
"""

import importlib
import sys
from types import ModuleType

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


def _declare_schemas() -> None:
    import torch

    _forget()
    library = torch.library.Library("torchvision", "FRAGMENT")
    for schema in SCHEMAS:
        library.define(schema)
    _libraries.append(library)


import_torchvision()
