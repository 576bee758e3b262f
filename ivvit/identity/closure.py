"""The code that entry modules can reach, and its digest: of what it computes, not of where it lies."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ivvit.ground.digest import digest
from ivvit.identity.refine import Node, refined
from ivvit.identity.resolve import Resolver, Thing
from ivvit.identity.shape import Reference, Shapes, short_digest
from ivvit.identity.source import Source, Sources

PACKAGE = Path(__file__).parents[1]


@dataclass(frozen=True)
class Closure:
    """All modules that entries reach.

    digest: of all definitions, each with all that it refers to; the same wherever they lie.
    modules: module (as a path below the package) -> definition -> `<own>-<wired>`: a digest of its own text, in which
        other definitions are only named, and one that tells whether those are still the same.
    """

    digest: str
    modules: dict[str, dict[str, str]]


class Code:
    """The package's source: asked for closures. Data files beside the modules count as parts of their package."""

    def __init__(self, package: Path = PACKAGE) -> None:
        self.package = package
        self._sources = Sources(package)
        self._shapes = cache(self._find_shapes)
        self._imports = cache(self._find_imports)
        self._path = cache(self._find_path)
        self._exists = cache(self._find_exists)
        self._resolver = Resolver(package.name, self._shapes)

    def closure(self, entries: Iterable[str], within: Iterable[str] = ("ivvit",)) -> Closure:
        """What the entries reach; modules outside the packages `within` are neither counted nor followed.

        Raises:
            UserError: a module cannot be parsed, or has a star import.
        """
        names = self._reached(tuple(entries), tuple(within))
        nodes = {
            (name, definition): self._node(name, definition, shape, references, names)
            for name in names
            for definition, (shape, references) in self._source(name).shapes.definitions.items()
        }
        self._sources.remember()
        own = {key: short_digest(node.text) for key, node in nodes.items()}
        final = refined(nodes)
        modules = {
            self._path(name).relative_to(self.package).as_posix(): {
                definition: f"{own[name, definition]}-{_wired(nodes[name, definition], own)}"
                for definition in self._source(name).shapes.definitions
            }
            for name in sorted(names)
        }
        return Closure(digest(sorted([definition, final[name, definition]] for name, definition in nodes)), modules)

    def _node(self, module: str, definition: str, shape: str, references: list[Reference], counted: set[str]) -> Node:
        names: list[str] = []
        targets: list[tuple[str, str]] = []

        def refer(reference: Reference) -> None:
            if isinstance(reference, str):
                for thing in self._resolver.things(reference, module):
                    names.append(self._name(thing))
                    if thing.module in counted and thing.definition is not None:
                        targets.append((thing.module, thing.definition))
            elif not self._resolver.is_exception(reference[0], module):
                names.append(reference[1])
                for inner in reference[2]:
                    refer(inner)

        for reference in references:
            refer(reference)
        return Node("\n".join([definition, shape, *names]), targets)

    def _name(self, thing: Thing) -> str:
        """A thing without its place: a definition's own name, a module's last, all of what lies outside."""
        if not thing.module:
            return thing.rest
        if thing.definition is None and not self._exists(thing.module):
            return f"{thing.module}.{thing.rest}"
        name = thing.module.rpartition(".")[2] if thing.definition is None else thing.definition
        return f"~{name}.{thing.rest}"

    def _reached(self, entries: tuple[str, ...], within: tuple[str, ...]) -> set[str]:
        seen, queue = set(entries), list(entries)
        while queue:
            new = {m for m in self._imports(queue.pop()) - seen if _inside(m, within)}
            seen |= new
            queue += new
        return seen

    def _find_imports(self, name: str) -> set[str]:
        """The package's modules that a module imports, with all packages around them, and those that define what it
        imports through others."""
        imports = [i for i in self._source(name).imports if i.partition(".")[0] == self.package.name]
        found = {thing.module for i in imports for thing in self._resolver.things(i, name)} | set(imports)
        parents = {
            ".".join(module.split(".")[:i]) for module in {*found, name} for i in range(1, module.count(".") + 1)
        }
        return {module for module in found | parents if self._exists(module)} - {name}

    def _source(self, name: str) -> Source:
        return self._sources.read(self._path(name), name)

    def _find_shapes(self, name: str) -> Shapes | None:
        return self._source(name).shapes if self._exists(name) else None

    def _find_path(self, name: str) -> Path:
        base = self.package.joinpath(*name.split(".")[1:])
        return base / "__init__.py" if base.is_dir() else base.with_suffix(".py")

    def _find_exists(self, name: str) -> bool:
        return name.partition(".")[0] == self.package.name and self._path(name).is_file()


def _wired(node: Node, own: dict[tuple[str, str], str]) -> str:
    return short_digest("\n".join(own[target] for target in node.targets))


def _inside(module: str, packages: tuple[str, ...]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
