"""What the doctor says about one thing."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """One line of the report."""

    topic: str
    state: Literal["ok", "note", "wrong"]
    """note: all works, but perhaps not as meant; wrong: something will fail."""
    text: str
    remedy: str | None = None
    """What to do."""
