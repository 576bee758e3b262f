"""Published numbers beside one's own, from a file of the user's.

- name: TokenShift, ViT-B/16, 8 frames
  source: https://github.com/VideoNetworks/TokShift-Transformer
  protocol: 30 views
  top1: {Kinetics400: 77.28}     # percent
"""

from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from ivvit.config.base import Section
from ivvit.config.explain import explain
from ivvit.ground.errors import UserError

Percent = Annotated[float, Field(ge=0, le=100, strict=True)]


class Reference(Section):
    """One row of published numbers."""

    name: str = Field(min_length=1)
    source: str = Field(min_length=1)
    """Where the numbers are printed."""
    protocol: str = ""
    """What must be known to compare them: views, frames, pretraining."""
    top1: dict[str, Percent] = {}
    """Data set -> percent."""
    top5: dict[str, Percent] = {}
    """Data set -> percent."""

    @model_validator(mode="after")
    def _has_numbers(self) -> Self:
        if not self.top1 and not self.top5:
            raise ValueError("has no numbers; give top1 or top5, such as top1: {UCF101: 93.1}")
        return self


def read_references(file: Path) -> list[Reference]:
    """The file's rows.

    Raises:
        UserError: it is missing, or something in it is not understood.
    """
    source = f"{file} (results.references)"
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{source} does not exist") from None
    except (OSError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"{source} cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, list | None):
        raise UserError(f"{source}: must be a list, each entry `- {{name: ..., source: ..., top1: {{DATASET: 93.1}}}}`")
    return [_reference(entry, source, f"entry {number}") for number, entry in enumerate(content or [], 1)]


def _reference(entry: object, source: str, place: str) -> Reference:
    try:
        return Reference.model_validate(entry)
    except ValidationError as error:
        raise explain(error, Reference, source, place) from None
