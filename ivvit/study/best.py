"""Reading a study's best parameters; imports nothing but yaml, so that Snakemake may read them while it plans."""

from pathlib import Path
from typing import Any

import yaml

from ivvit.errors import UserError


def read_best(path: Path) -> dict[str, Any]:
    """The best parameters by dotted key, as written by `finish`.

    Raises:
        UserError: the file is not there or not one of ours.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
        return dict(found["parameters"])
    except FileNotFoundError:
        raise UserError(f"{path} is not there yet; the study has to be finished first") from None
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        raise UserError(f"{path} holds no best parameters; remove it, and the study's end writes it again") from None
