"""What a module's source says about identities, remembered until the file changes, as Python does with bytecode."""

import ast
import hashlib
import json
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ivvit.ground.errors import UserError
from ivvit.ground.files import write_text
from ivvit.identity.prose import without_prose
from ivvit.identity.shape import Shapes, absolute, shapes

_RULES = ("facts.py", "prose.py", "purity.py", "shape.py", "source.py")
"""The modules that decide what is remembered: what other versions of them found is not used."""


@dataclass(frozen=True)
class Source:
    """A module: its definitions, and what it imports (modules, and names in them)."""

    shapes: Shapes
    imports: tuple[str, ...]


class Sources:
    """Reads modules, each once per version of its file (size and times, the inode's too, which no copy keeps)."""

    def __init__(self, package: Path) -> None:
        self._package = package
        self._cache = package / "__pycache__" / f"identity.{sys.implementation.cache_tag}.json"
        self._rules = [_version(Path(__file__).with_name(name)) for name in _RULES]
        self._known: dict[str, dict[str, Any]] = _load(self._cache, self._rules)
        self._read: dict[str, Source] = {}
        self._new = False

    def read(self, path: Path, name: str) -> Source:
        """A module, its package's data files included.

        Raises:
            UserError: it cannot be parsed, or has a star import.
        """
        if name not in self._read:
            known = self._parsed(path, name)
            found = Shapes(**known["shapes"])
            if path.name == "__init__.py":
                found.definitions |= {file: (digest, []) for file, digest in _data_files(path.parent).items()}
            self._read[name] = Source(found, tuple(known["imports"]))
        return self._read[name]

    def remember(self) -> None:
        """Let later processes spare the parsing; no harm where the folder cannot be written."""
        if self._new:
            self._new = False
            with suppress(OSError):
                write_text(self._cache, json.dumps({"rules": self._rules, "modules": self._known}))

    def _parsed(self, path: Path, name: str) -> dict[str, Any]:
        version = _version(path)
        known = self._known.get(name)
        if known is None or known["version"] != version:
            tree = without_prose(_parse(path), self._package.name)
            is_package = path.name == "__init__.py"
            known = {
                "version": version,
                "shapes": asdict(shapes(tree, name, is_package=is_package)),
                "imports": sorted(_imports(tree, path, name, is_package=is_package)),
            }
            self._known[name], self._new = known, True
        return known


def _version(path: Path) -> list[int]:
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _load(cache: Path, rules: list[list[int]]) -> dict[str, dict[str, Any]]:
    try:
        content = json.loads(cache.read_text())
        return content["modules"] if content["rules"] == rules else {}
    except (OSError, ValueError, KeyError):
        return {}


def _parse(path: Path) -> ast.Module:
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise UserError(
            f"{path}{f':{line}' if line else ''}: cannot be parsed ({getattr(error, 'msg', error)}),"
            " so it is unknown which results it makes stale; mend the file"
        ) from None


def _imports(tree: ast.Module, path: Path, name: str, *, is_package: bool) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = absolute(name, node, is_package=is_package)
            if any(alias.name == "*" for alias in node.names):
                raise UserError(
                    f"{path}:{node.lineno}: `from {base} import *` hides what is used, so it is unknown what makes "
                    "results stale; import names, or the module"
                )
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
    return found


def _data_files(folder: Path) -> dict[str, str]:
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc", ".pyi"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in sorted(files)}
