"""What a study was made with, so that it can be told why it must be made again."""

from pathlib import Path

from ivvit.ground.files import read_object, write_json
from ivvit.identity.identity import Identity
from ivvit.identity.paths import Paths
from ivvit.ledger.reasons import DataDiff, Reason, reasons

_FILE = "identity.json"


def keep_parts(folder: Path, identity: Identity) -> None:
    """Write down what the study in this folder is made with."""
    if not (folder / _FILE).exists():
        write_json(folder / _FILE, identity.parts)


def study_reasons(paths: Paths, name: str, identity: Identity, data_diff: DataDiff) -> list[Reason]:
    """Why the latest finished study of this name is not today's; empty if there is none."""
    found = [folder for folder in paths.study(name, "").glob("*") if folder.name != identity.digest]
    finished = [folder / _FILE for folder in found if (folder / _FILE).is_file() and any(folder.glob("best-*.yaml"))]
    if not finished:
        return []
    latest = max(finished, key=lambda file: file.stat().st_mtime)
    parts = read_object(latest)
    return reasons(parts, identity.parts, data_diff) if parts else []  # none where it is half written
