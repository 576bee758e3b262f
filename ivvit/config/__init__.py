"""Layer 2: the typed specification. Knows neither torch nor snakemake."""

from ivvit.config.canonical import canonical
from ivvit.config.datasets import DatasetOptions, StoreOptions
from ivvit.config.experiment import Experiment
from ivvit.config.load import load_config
from ivvit.config.models import MODELS, BackboneOptions, ModelOptions
from ivvit.config.optimisation import (
    EvaluationOptions,
    LossWeighting,
    OptimizerOptions,
    ScheduleOptions,
    ValidationOptions,
)
from ivvit.config.resolve import Config, Entry
from ivvit.config.runtime import RuntimeOptions
from ivvit.config.studies import StudyOptions

__all__ = [
    "MODELS",
    "BackboneOptions",
    "Config",
    "DatasetOptions",
    "Entry",
    "EvaluationOptions",
    "Experiment",
    "LossWeighting",
    "ModelOptions",
    "OptimizerOptions",
    "RuntimeOptions",
    "ScheduleOptions",
    "StoreOptions",
    "StudyOptions",
    "ValidationOptions",
    "canonical",
    "load_config",
]
