"""The static import closure: all modules of the package that an entry module can reach."""

from collections.abc import Iterable
from functools import cache
from pathlib import Path

from ivvit.identity.source import Source, Sources

PACKAGE = Path(__file__).parents[1]


class Code:
    """The package's source: asked for closures. Data files beside the modules count as parts of their package."""

    def __init__(self, package: Path = PACKAGE) -> None:
        self.package = package
        self._sources = Sources(package)
        self._closures: dict[tuple[str, tuple[str, ...]], frozenset[str]] = {}
        self._imports = cache(self._find_imports)
        self._path = cache(self._find_path)

    def modules(self, entries: Iterable[str], within: Iterable[str] = ("ivvit",)) -> dict[str, dict[str, str]]:
        """Module (as a path below the package) -> definition -> digest, for all that the entries reach.

        Modules outside the packages `within` are neither counted nor followed.

        Raises:
            UserError: a module cannot be parsed.
        """
        packages = tuple(within)
        names = frozenset().union(*(self._closure(entry, packages) for entry in entries))
        found = {
            self._path(name).relative_to(self.package).as_posix(): self._source(name).definitions
            for name in sorted(names)
        }
        self._sources.remember()
        return found

    def _closure(self, entry: str, within: tuple[str, ...]) -> frozenset[str]:
        key = (entry, within)
        if key not in self._closures:
            seen, queue = {entry}, [entry]
            while queue:
                new = {m for m in self._imports(queue.pop()) - seen if _inside(m, within)}
                seen |= new
                queue += new
            self._closures[key] = frozenset(seen)
        return self._closures[key]

    def _find_imports(self, name: str) -> set[str]:
        """The package's modules that a module imports, with all packages around them."""
        found = set(self._source(name).imports)
        parents = {
            ".".join(module.split(".")[:i]) for module in {*found, name} for i in range(1, module.count(".") + 1)
        }
        return {module for module in found | parents if self._exists(module)} - {name}

    def _source(self, name: str) -> Source:
        return self._sources.read(self._path(name), name)

    def _find_path(self, name: str) -> Path:
        base = self.package.joinpath(*name.split(".")[1:])
        return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")

    def _exists(self, name: str) -> bool:
        return name.partition(".")[0] == self.package.name and self._path(name).is_file()


def _inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
