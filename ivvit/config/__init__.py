"""Floor 1: the typed specification. Knows neither torch nor snakemake."""

from ivvit.config.datasets import DatasetOptions, StoreOptions
from ivvit.config.models import MODELS, BackboneOptions, ModelOptions

__all__ = ["MODELS", "BackboneOptions", "DatasetOptions", "ModelOptions", "StoreOptions"]
