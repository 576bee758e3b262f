"""Joint learning of images and videos with a single Vision Transformer (Shimizu & Tamaki, MVA 2023).

In Python: `create_model`, `load_weights` and `load_run` (see docs/using.md); torch is imported when one is asked for.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivvit.numerics.models import create_model
    from ivvit.use.load import load_run
    from ivvit.weights import load_weights

__version__ = "0.1.0"
_PLACES = {"create_model": "ivvit.numerics.models", "load_run": "ivvit.use.load", "load_weights": "ivvit.weights"}
__all__ = ["__version__", "create_model", "load_run", "load_weights"]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
