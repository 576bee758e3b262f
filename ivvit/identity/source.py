"""What a module's source says about staleness, remembered until the file changes, as Python does with bytecode."""

import ast
import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ivvit.ground.files import write_text
from ivvit.identity.syntax import definitions, parse

FORMAT = 1
"""Raise it when parsing finds out something else for the same source."""


@dataclass(frozen=True)
class Source:
    """A module: digests of its definitions, and what it imports (also names that are no modules)."""

    definitions: dict[str, str]
    imports: tuple[str, ...]


class Sources:
    """Reads modules, each once per version of its file (size and times, the inode's too, which no copy keeps)."""

    def __init__(self, package: Path) -> None:
        self._cache = package / "__pycache__" / f"staleness-{FORMAT}.{sys.implementation.cache_tag}.json"
        self._known: dict[str, dict[str, Any]] = _load(self._cache)
        self._read: dict[Path, Source] = {}
        self._new = False

    def read(self, path: Path, name: str) -> Source:
        """A module, its package's data files included. Raises UserError if it cannot be parsed."""
        if path not in self._read:
            self._read[path] = self._with_data(path, self._parsed(path, name))
        return self._read[path]

    def remember(self) -> None:
        """Let later processes spare the parsing; no harm where the folder cannot be written."""
        if self._new:
            self._new = False
            with suppress(OSError):
                write_text(self._cache, json.dumps(self._known))

    def _parsed(self, path: Path, name: str) -> Source:
        stat = path.stat()
        version = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
        known = self._known.get(name)
        if known is None or known["version"] != version:
            tree = parse(path)
            known = {
                "version": version,
                "definitions": definitions(tree),
                "imports": sorted(_imports(tree, path, name)),
            }
            self._known[name], self._new = known, True
        return Source(known["definitions"], tuple(known["imports"]))

    def _with_data(self, path: Path, source: Source) -> Source:
        if path.name != "__init__.py":
            return source
        return Source({**source.definitions, **_data_files(path.parent)}, source.imports)


def _load(cache: Path) -> dict[str, dict[str, Any]]:
    try:
        return json.loads(cache.read_text())
    except (OSError, ValueError):
        return {}


def _imports(tree: ast.Module, path: Path, name: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module if not node.level else _absolute(name, node, is_package=path.name == "__init__.py")
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _absolute(name: str, node: ast.ImportFrom, is_package: bool) -> str:
    parts = name.split(".") if is_package else name.split(".")[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


def _data_files(folder: Path) -> dict[str, str]:
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc", ".pyi"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in sorted(files)}
