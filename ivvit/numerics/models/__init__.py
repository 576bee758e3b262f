"""Layer 3: the four models on timm's VisionTransformer. Knows neither data sets' files nor training."""

import ivvit.numerics.compat  # noqa: F401  (here, so that it precedes timm in every module of the package)
from ivvit.numerics.models.registry import create_model

__all__ = ["create_model"]
