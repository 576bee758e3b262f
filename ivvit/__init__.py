"""Joint learning of images and videos with a single Vision Transformer (Shimizu & Tamaki, MVA 2023).

In Python: `create_model`, `load_weights` and `load_run` (see docs/using.md); torch is imported when one is asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ivvit.numerics.models import create_model
    from ivvit.use.load import load_run
    from ivvit.weights import load_weights

__version__ = "0.1.0"
__all__ = ["__version__", "create_model", "load_run", "load_weights"]


def __getattr__(name: str) -> Any:
    if name == "create_model":
        from ivvit.numerics.models import create_model

        return create_model
    if name == "load_run":
        from ivvit.use.load import load_run

        return load_run
    if name == "load_weights":
        from ivvit.weights import load_weights

        return load_weights
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
