"""The static import closure: all modules of the package that an entry module can reach."""

import ast
import hashlib
from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path

from ivvit.staleness.syntax import definitions, parse

PACKAGE = Path(__file__).parents[1]


class Code:
    """The package's source: parsed once, asked for closures. Data files beside the modules count as modules."""

    def __init__(self, package: Path = PACKAGE) -> None:
        self.package = package
        self._parsed: dict[str, tuple[dict[str, str], frozenset[str]]] = {}
        self._closures: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}

    def modules(self, entries: Iterable[str], without: Iterable[str] = ()) -> dict[str, dict[str, str]]:
        """Module (as a path below the package) -> definition -> digest, for all that the entries reach.

        Modules that match a pattern of `without` are neither counted nor followed.

        Raises:
            UserError: a module cannot be parsed.
        """
        stop = tuple(without)
        names = frozenset().union(*(self._closure(entry, stop) for entry in entries))
        return {self._path(name).relative_to(self.package).as_posix(): self._parse(name)[0] for name in sorted(names)}

    def _closure(self, entry: str, stop: tuple[str, ...]) -> frozenset[str]:
        key = (entry, stop)
        if key not in self._closures:
            seen, queue = {entry}, [entry]
            while queue:
                new = {m for m in self._parse(queue.pop())[1] - seen if not any(fnmatch(m, p) for p in stop)}
                seen |= new
                queue += new
            self._closures[key] = frozenset(seen)
        return self._closures[key]

    def _path(self, name: str) -> Path:
        base = self.package.joinpath(*name.split(".")[1:])
        return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")

    def _exists(self, name: str) -> bool:
        return name.split(".")[0] == self.package.name and self._path(name).is_file()

    def _parse(self, name: str) -> tuple[dict[str, str], frozenset[str]]:
        if name not in self._parsed:
            tree = parse(self._path(name))
            found = definitions(tree)
            if self._path(name).name == "__init__.py":
                found.update(_data_files(self._path(name).parent))
            self._parsed[name] = (found, frozenset(self._imports(tree, name)))
        return self._parsed[name]

    def _imports(self, tree: ast.Module, name: str) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = node.module if not node.level else self._absolute(name, node)
                found.add(base)
                found.update(f"{base}.{alias.name}" for alias in node.names)
        parents = {
            ".".join(module.split(".")[:i]) for module in {*found, name} for i in range(1, module.count(".") + 1)
        }
        return {module for module in found | parents if self._exists(module)} - {name}

    def _absolute(self, name: str, node: ast.ImportFrom) -> str:
        parts = name.split(".")
        if self._path(name).name != "__init__.py":
            parts = parts[:-1]
        parts = parts[: len(parts) - node.level + 1]
        return ".".join([*parts, *([node.module] if node.module else [])])


def _data_files(folder: Path) -> dict[str, str]:
    files = (path for path in folder.iterdir() if path.is_file() and path.suffix not in (".py", ".pyc", ".pyi"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:12] for path in sorted(files)}
