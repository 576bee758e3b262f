"""Published numbers beside one's own, from a file of the user's.

- name: TokenShift, ViT-B/16, 8 frames
  source: https://github.com/VideoNetworks/TokShift-Transformer
  protocol: 30 views
  top1: {Kinetics400: 77.28}     # percent
"""

from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from ivvit.config.base import Section
from ivvit.ground.errors import UserError

Percent = Annotated[float, Field(ge=0, le=100)]


class Reference(Section):
    """One row of published numbers."""

    name: str
    source: str = Field(min_length=1)
    """Where the numbers are printed."""
    protocol: str = ""
    """What must be known to compare them: views, frames, pretraining."""
    top1: dict[str, Percent] = {}
    """Data set -> percent."""
    top5: dict[str, Percent] = {}
    """Data set -> percent."""


def read_references(file: Path) -> list[Reference]:
    """The file's rows.

    Raises:
        UserError: it is missing, or something in it is not understood.
    """
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
        return TypeAdapter(list[Reference]).validate_python(content or [])
    except FileNotFoundError:
        raise UserError(f"{file} (results.references) does not exist") from None
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{file} (results.references) cannot be read: {' '.join(str(error).split())}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise UserError(f"{file} (results.references): {place or 'the file'}: {first['msg']}") from None
