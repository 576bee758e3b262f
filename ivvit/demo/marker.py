"""The file that marks a folder as generated: nothing under it is anybody's own work."""

import json
from pathlib import Path
from typing import Any

from ivvit.ground.errors import UserError
from ivvit.ground.files import TEMPORARY, write_json

MARKER = ".ivvit-demo-data.json"


def claim(root: Path, content: dict[str, Any]) -> None:
    """Mark `root` as generated before anything else is written there; an equal marker is left alone.

    Args:
        root: the folder; made if missing. Empty folders inside it do not count as content.
        content: what will be generated there (format, seed, sizes).

    A marker that a killed process left half-written does not count as content either.

    Raises:
        UserError: the folder holds files without the marker, or the marker of other content.
    """
    marker = root / MARKER
    if marker.is_file():
        if _read(marker) != content:
            raise UserError(
                f"{root} holds generated data of another kind, seed or version (see {marker}): "
                "delete it or choose another root_path"
            )
        return
    found = next((path for path in root.rglob("*") if not (path.is_dir() or _unborn(path))), None)
    if found:
        raise UserError(
            f"{root} is not empty (it holds {found}) and has no {MARKER}: "
            "generated data goes only into a folder of its own; choose another root_path"
        )
    write_json(marker, content)


def _unborn(path: Path) -> bool:
    return path.name.startswith(f".{MARKER}.") and path.name.endswith(TEMPORARY)


def _read(marker: Path) -> Any:
    try:
        return json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        return None
