"""Damaged results that the workflow makes again."""

import os
from pathlib import Path

from ivvit.ground.seal import resized


def is_remade(path: Path) -> bool:
    """Whether a run's model or an evaluation's numbers are there, but damaged so that the workflow makes them again.

    A run that was accepted for another identity is not: what is there was made by other code.
    """
    if not os.path.isfile(path) or path.parent.is_symlink():
        return False
    made = {path.name, "predictions.parquet"}
    return any(damage.file in made for damage in resized(path.parent))
