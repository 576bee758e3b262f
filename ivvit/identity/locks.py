"""What the finished checks say: digests from lock files, or what is still pending."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from ivvit.ground.errors import UserError

Gate = Callable[..., Any]
"""gate(kind, **wildcards) -> what is pending (for Snakemake: the checkpoint's target), or None when it is done."""


class Pending(Exception):
    """Some checks have not been done yet, so an identity is not known."""

    def __init__(self, targets: list[Any]) -> None:
        super().__init__(", ".join(map(str, targets)))
        self.targets = targets


class Locks:
    """Reads lock files, each once per version of the file."""

    def __init__(self, gate: Gate | None = None) -> None:
        self._gate = gate
        self._read: dict[Path, tuple[tuple[int, int], dict[str, Any]]] = {}

    def read(self, path: Path, kind: str, **wildcards: Any) -> dict[str, Any]:
        """The content of a lock.

        Raises:
            Pending: the check has not been done, or must be done again.
            UserError: the file is not a lock.
        """
        if self._gate is not None and (target := self._gate(kind, **wildcards)) is not None:
            raise Pending([target])
        try:
            stat = path.stat()
        except FileNotFoundError:
            raise Pending([str(path)]) from None
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
