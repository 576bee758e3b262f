"""The whole configuration file."""

import re
from pathlib import PurePath
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from ivvit.config.base import PathText, Section
from ivvit.config.datasets import KNOWN_DATASETS, DatasetOptions
from ivvit.config.experiment import Defaults, ExperimentEntry, Name, Seed
from ivvit.config.runtime import RuntimeOptions
from ivvit.config.studies import StudyOptions


class Grid(Section):
    """Experiments from all combinations of values: `<grid>-<value>-<value>...`."""

    extends: str
    """The experiment they start from."""
    over: dict[str, Literal["each"] | list[Any] | dict[Name, Any]] = Field(min_length=1)
    """Dotted keys and their values: a list, or {label: value} where the value makes no good name; `datasets: each` is
    each data set of the experiment alone."""

    @field_validator("over")
    @classmethod
    def _each_data_set(cls, over: dict[str, Any]) -> dict[str, Any]:
        wrong = [key for key, values in over.items() if values == "each" and key != "datasets"]
        if wrong:
            raise ValueError(f"{wrong[0]}: each is for datasets only; give a list of values")
        return over


class WeightSource(Section):
    """Where pretrained weights come from: exactly one of url, gdrive, timm, path."""

    url: str | None = None
    """https://, http:// or file://; {root_path} stands for that folder."""
    gdrive: str | None = None
    """A Google Drive file id."""
    timm: str | None = None
    """A timm tag, fetched from the Hugging Face hub."""
    path: str | None = None
    """A local file, relative to root_path or absolute; nothing is downloaded."""
    file: str | None = None
    """Where the download lies under pretrained_weight/."""
    sha256: str | None = Field(None, pattern="^[0-9a-f]{8,64}$")
    """The published checksum, or its beginning."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        given = [kind for kind in ("url", "gdrive", "timm", "path") if getattr(self, kind) is not None]
        if len(given) > 1:
            raise ValueError(f"give one of url, gdrive, timm and path, not {' and '.join(given)}")
        if self.url is not None and not re.match(r"(https?|file)://?\S", self.url):
            raise ValueError(f"url: must begin with https://, http:// or file://, found {self.url!r}")
        if self.file is not None and (PurePath(self.file).is_absolute() or ".." in PurePath(self.file).parts):
            raise ValueError(f"file: must lie under pretrained_weight/, found {self.file!r}")
        return self


class DemoOptions(Section):
    """Make the data sets instead of expecting them."""

    data: Literal["joint", "motion"] = "joint"
    """joint: two image and two video data sets; motion: clips that only motion tells apart."""
    seed: Seed = 0
    """Of the images and clips that are made."""


class ResultsOptions(Section):
    """Where results go and what the tables show."""

    path: PathText = "results"
    """Relative to the working directory."""
    metric: Literal["top1", "top5"] = "top1"
    """The number in the comparison table."""
    baseline: str | None = None
    """The experiment that others are compared with."""
    references: str | None = None
    """A YAML file of published numbers to show beside one's own, relative to the working directory."""


def _fill_known(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    filled = {}
    for name in {**KNOWN_DATASETS, **value}:
        entry = value.get(name) or {}
        filled[name] = {**KNOWN_DATASETS.get(name, {}), **entry} if isinstance(entry, dict) else entry
    return filled


# An entry means something only with what it extends, so it is checked after merging.
RawEntry = Annotated[
    dict[str, Any],
    BeforeValidator(lambda value: {} if value is None else value, json_schema_input_type=ExperimentEntry),
]


class ConfigFile(Section):
    """The configuration of the workflow: see README and config/config.yaml."""

    root_path: PathText = "results/demo-data"
    """The folder that holds datasets/, pretrained_weight/ and frames/."""
    frames_path: PathText | None = None
    """The folder of extracted frames, where root_path cannot be written to; by default root_path's frames/."""
    datasets: Annotated[dict[Name, DatasetOptions], BeforeValidator(_fill_known)] = {}
    """Settings of the four known data sets, or further ones."""
    weights: dict[Name, WeightSource] = {}
    """Further sources of pretrained weights, or other places for the known ones."""
    defaults: Defaults = Defaults()
    """What every experiment starts from."""
    experiments: dict[Name, RawEntry] = {}
    """The experiments by name; one run per seed."""
    grids: dict[Name, Grid] = {}
    """Experiments from all combinations of values."""
    studies: dict[Name, StudyOptions] = {}
    """Hyperparameter studies."""
    results: ResultsOptions = ResultsOptions()
    runtime: RuntimeOptions = RuntimeOptions()
    """How and where things run; never part of a result."""
    demo: DemoOptions | None = None
    """Make the data sets and weights instead of expecting them."""

    @model_validator(mode="before")
    @classmethod
    def _empty_sections(cls, value: Any) -> Any:
        """`experiments:` with nothing after it is YAML's null."""
        return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
