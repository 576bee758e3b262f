"""What finished checks and studies say, or that they have not been done."""

import json
from pathlib import Path
from typing import Any

import yaml

from ivvit.ground.errors import UserError


class Pending(Exception):
    """Some checks have not been done yet, so an identity is not known. `targets`: the files that they will write."""

    def __init__(self, targets: list[Path]) -> None:
        super().__init__(", ".join(map(str, targets)))
        self.targets = targets


class Locks:
    """Reads small JSON and YAML files, each once per version of the file."""

    def __init__(self) -> None:
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}

    def read(self, path: Path) -> dict[str, Any]:
        """The content of a lock.

        Raises:
            Pending: the file is not there.
            UserError: it is damaged.
        """
        try:
            stat = path.stat()
        except FileNotFoundError:
            raise Pending([path]) from None
        version = (stat.st_mtime_ns, stat.st_size)
        if self._read.get(path, (None,))[0] != version:
            self._read[path] = (version, _parse(path))
        return self._read[path][1]


def _parse(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8")
        value = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except (ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: is damaged ({error}); delete it, and the next run makes it again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path}: is damaged (no mapping); delete it, and the next run makes it again")
    return value
