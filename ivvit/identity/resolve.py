"""From a reference to the thing itself, wherever in the package it is defined and through whatever it is imported."""

from collections.abc import Callable
from dataclasses import dataclass

from ivvit.identity.facts import is_exception_name, is_python_exception
from ivvit.identity.shape import Shapes

_DEPTH = 20  # re-exports in a row


@dataclass(frozen=True, slots=True)
class Thing:
    """A definition of the package, a module of it (no definition), or something outside (no module)."""

    module: str
    definition: str | None
    rest: str
    """Attributes of it that are asked for; of what lies outside, its whole name."""


class Resolver:
    """Follows references. `shapes` gives a module's definitions, None for what is not a module of the package."""

    def __init__(self, package: str, shapes: Callable[[str], Shapes | None]) -> None:
        self._package = package
        self._shapes = shapes
        self._known: dict[tuple[str, str], tuple[Thing, ...]] = {}

    def things(self, reference: str, module: str) -> tuple[Thing, ...]:
        """What a reference in a module stands for: mostly one thing."""
        key = (reference, module)
        if key not in self._known:
            self._known[key] = tuple(
                thing for part in reference.split("|") for thing in self._follow(part, module, _DEPTH)
            )
        return self._known[key]

    def is_exception(self, reference: str, module: str) -> bool:
        """Whether a class is an exception: the package's own by its bases, others if Python has it."""
        return all(
            self._derives(thing, _DEPTH) if thing.module else is_python_exception(thing.rest)
            for thing in self.things(reference, module)
        )

    def _derives(self, thing: Thing, depth: int) -> bool:
        if not thing.module:  # as a base, another project's exception will do
            return is_exception_name(thing.rest.rpartition(".")[2])
        shapes = self._shapes(thing.module)
        bases = shapes.bases.get(thing.definition or "", []) if shapes and depth and not thing.rest else []
        return any(self._derives(base, depth - 1) for name in bases for base in self.things(name, thing.module))

    def _follow(self, reference: str, module: str, depth: int) -> list[Thing]:
        if reference.startswith("."):
            return self._in_module(module, reference[1:].split("."), depth)
        root, *parts = reference.split(".")
        if root != self._package:
            return [Thing("", None, reference)]
        return self._in_module(root, parts, depth)

    def _in_module(self, module: str, parts: list[str], depth: int) -> list[Thing]:
        shapes = self._shapes(module)
        if shapes is None or not depth or not parts:
            return [Thing(module, None, ".".join(parts))]
        name, *rest = parts
        if rest and f"{name}.{rest[0]}" in shapes.definitions:
            return [Thing(module, f"{name}.{rest[0]}", ".".join(rest[1:]))]
        if name in shapes.definitions:
            return [Thing(module, name, ".".join(rest))]
        found: list[Thing] = []
        for meaning in shapes.names.get(name, []):
            if meaning:
                found += self._follow(".".join([meaning, *rest]), module, depth - 1)
            else:
                found.append(Thing(module, "", ".".join(parts)))
        return found or self._in_module(f"{module}.{name}", rest, depth - 1)
