"""The runs that are there, today's and superseded ones, as their provenance tells."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivvit.staleness.paths import Paths


@dataclass(frozen=True)
class PastRun:
    """A finished run."""

    folder: Path
    identity: str
    seed: int
    provenance: dict[str, Any]

    @property
    def name(self) -> str:
        """The experiment's name when it was trained."""
        return self.provenance.get("name", "")

    @property
    def ended(self) -> str:
        """When it was finished (ISO 8601, UTC)."""
        sessions = self.provenance.get("sessions") or [{}]
        return sessions[-1].get("ended") or ""

    @property
    def parts(self) -> dict[str, Any]:
        """What its identity is a digest of."""
        return self.provenance.get("parts", {})

    def metrics(self) -> dict[str, Any]:
        """metrics.json."""
        return _read(self.folder / "metrics.json")


def past_runs(paths: Paths) -> list[PastRun]:
    """All finished runs, the latest first; a run that was accepted under another identity counts once."""
    return sorted(_runs(paths), key=lambda run: run.ended, reverse=True)


def past_run(folder: Path) -> PastRun | None:
    """The finished run in a folder, or behind a link."""
    if not (folder / "metrics.json").is_file():
        return None
    folder = folder.resolve()
    provenance = _read(folder / "provenance.json")
    return PastRun(folder, folder.parent.name, int(folder.name.removeprefix("seed")), provenance)


def _runs(paths: Paths) -> Iterator[PastRun]:
    for folder in (paths.results / "runs").glob("*/seed*"):
        if not folder.is_symlink() and (run := past_run(folder)) is not None:
            yield run


def _read(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
