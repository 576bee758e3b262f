"""A module's definitions as shapes with references cut out: neither where a thing lies nor how it is imported shows."""

import ast
import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ivvit.identity.purity import is_text

Reference = str | list
"""`numpy.float32`; `.name` of this module; several meanings joined by `|`. Or [class, digest, references] for a text
among the arguments of a call, which does not count if that class is an exception."""

_IGNORED = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}  # say nothing, or differ between versions
_CUT = "§"
_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_COMPREHENSION = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass
class Shapes:
    """What a module defines.

    definitions: name -> (digest of its shape, its references in order); methods as `Class.method`, statements that
    define nothing under "".
    names: what other names of the module stand for; "" is what those statements bind.
    bases: class -> references to its bases.
    """

    definitions: dict[str, tuple[str, list[Reference]]] = field(default_factory=dict)
    names: dict[str, list[str]] = field(default_factory=dict)
    bases: dict[str, list[str]] = field(default_factory=dict)


def shapes(tree: ast.Module, module: str, *, is_package: bool) -> Shapes:
    """The shapes of a module without prose (see `without_prose`)."""
    found, dumper = Shapes(), _Dumper(module, is_package)
    for name, meaning in dumper.bindings(tree.body):
        found.names.setdefault(name, [])
        if meaning not in found.names[name]:
            found.names[name].append(meaning)
    dumper.module_names = set(found.names)
    parts: dict[str, list[tuple[str, list[Reference]]]] = {}
    for node in tree.body:
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        for name, part in dumper.define(node):
            parts.setdefault(name, []).append(part)
        if isinstance(node, ast.ClassDef):
            found.bases[node.name] = [dumper.target(base) or ast.unparse(base) for base in node.bases]
    for name, pieces in parts.items():
        found.names.pop(name, None)
        text = "\n".join(shape for shape, _ in pieces)
        found.definitions[name] = (short_digest(text), [ref for _, refs in pieces for ref in refs])
    return found


def short_digest(text: str) -> str:
    """Twelve hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def absolute(module: str, node: ast.ImportFrom, *, is_package: bool) -> str:
    """The module that a `from` names."""
    if not node.level:
        return node.module or ""
    parts = module.split(".") if is_package else module.split(".")[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join([*parts, *([node.module] if node.module else [])])


class _Dumper:
    def __init__(self, module: str, is_package: bool) -> None:
        self.module_names: set[str] = set()
        self._module, self._is_package = module, is_package
        self._root = module.partition(".")[0]
        self._scopes: list[tuple[dict[str, list[str]], bool]] = []  # (name -> meanings, "" for a variable; is a class)
        self._references: list[Reference] = []

    def define(self, node: ast.stmt) -> Iterator[tuple[str, tuple[str, list[Reference]]]]:
        """(name, (shape, references)) of a statement of the module; of a class, also of each method."""
        if not isinstance(node, ast.ClassDef):
            yield _name_of(node), self._cut_out(node)
            return
        methods = [inner for inner in node.body if isinstance(inner, _FUNCTION)]
        rest = [inner for inner in node.body if not isinstance(inner, _FUNCTION)]
        with self._scope(self.bindings(node.body), is_class=True):
            for method in methods:
                yield f"{node.name}.{method.name}", self._cut_out(method)
        names = [method.name for method in methods]
        shell = ast.ClassDef(node.name, node.bases, node.keywords, rest, node.decorator_list)
        shape, references = self._cut_out(shell)
        yield node.name, (f"{shape}{names}", [*references, *(f".{node.name}.{name}" for name in dict.fromkeys(names))])

    def target(self, node: ast.AST) -> str | None:
        """What a name, or an attribute of one, refers to; None for variables and builtins."""
        attributes: list[str] = []
        while isinstance(node, ast.Attribute):
            attributes.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        meanings = list(filter(None, self._meanings(node.id)))
        return "|".join(".".join([meaning, *attributes]) for meaning in meanings) if meanings else None

    def bindings(self, body: Iterable[ast.AST]) -> Iterator[tuple[str, str]]:
        """(name, what it is an import of or "") for all that statements bind in their own scope."""
        for node in body:
            yield from self._bindings(node)

    def _cut_out(self, node: ast.AST) -> tuple[str, list[Reference]]:
        self._references = []
        return self._dump(node), self._references

    def _meanings(self, name: str) -> list[str]:
        for names, _ in reversed(self._scopes):
            if name in names:
                return names[name]
        return [f".{name}"] if name in self.module_names else [""]

    def _dump(self, node: object) -> str:
        if isinstance(node, list):
            return "[" + ",".join(filter(None, map(self._dump, node))) + "]"
        if not isinstance(node, ast.AST):
            return repr(node)
        if isinstance(node, ast.Import | ast.ImportFrom):
            return ""
        is_load = isinstance(node, ast.Attribute | ast.Name) and isinstance(node.ctx, ast.Load)
        if is_load and (target := self.target(node)) is not None:
            self._references.append(target)
            return _CUT
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and self._is_module(node.value):
            self._references.append(node.value)
            return _CUT
        if isinstance(node, ast.Call) and (call := self._conditional(node)) is not None:
            return call
        if isinstance(node, (*_FUNCTION, ast.Lambda)):
            return self._function(node)
        if isinstance(node, ast.ClassDef):
            with self._scope(self.bindings(node.body), is_class=True):
                return self._fields(node)
        if isinstance(node, _COMPREHENSION):
            with self._scope(self.bindings(generator.target for generator in node.generators)):
                return self._fields(node)
        return self._fields(node)

    def _is_module(self, text: str) -> bool:
        """Whether a text may name a module of the package, for importlib."""
        root, *parts = text.split(".")
        return root == self._root and bool(parts) and all(part.isidentifier() for part in parts)

    def _fields(self, node: ast.AST, without: tuple[str, ...] = ()) -> str:
        fields = (
            (name, value) for name, value in ast.iter_fields(node) if name not in _IGNORED and name not in without
        )
        inner = ",".join(f"{name}={self._dump(value)}" for name, value in fields if value is not None and value != [])
        return f"{type(node).__name__}({inner})"

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> str:
        """Decorators, defaults and annotations belong to the scope around it, as the names of its arguments do."""
        outer = self._fields(node, without=("body",))
        body = node.body if isinstance(node.body, list) else [node.body]
        arguments = [(argument.arg, "") for argument in ast.walk(node.args) if isinstance(argument, ast.arg)]
        elsewhere = {
            n
            for stmt in body
            for inner in _own(stmt)
            if isinstance(inner, ast.Global | ast.Nonlocal)
            for n in inner.names
        }
        local = [binding for binding in [*arguments, *self.bindings(body)] if binding[0] not in elsewhere]
        scopes = self._scopes
        self._scopes = [scope for scope in scopes if not scope[1]]
        with self._scope(local):
            inner = self._dump(body)
        self._scopes = scopes
        return f"{outer}{inner}"

    @contextmanager
    def _scope(self, bindings: Iterable[tuple[str, str]], *, is_class: bool = False) -> Iterator[None]:
        names: dict[str, list[str]] = {}
        for name, meaning in bindings:
            if meaning not in names.setdefault(name, []):
                names[name].append(meaning)
        self._scopes.append((names, is_class))
        yield
        self._scopes.pop()

    def _conditional(self, call: ast.Call) -> str | None:
        """A call of a class of the package with a text among its arguments: it may be an exception, which only all
        files together tell."""
        target = self.target(call.func)
        if target is None or "|" in target or target.partition(".")[0] not in ("", self._root):
            return None
        if not target.rpartition(".")[2].lstrip("_")[:1].isupper():
            return None
        texts = [argument for argument in call.args if is_text(argument, self.module_names)]
        if not texts:
            return None
        self._references.append(target)
        shape = [self._dump([argument for argument in call.args if argument not in texts]), self._dump(call.keywords)]
        references, self._references = self._references, []
        places = [call.args.index(text) for text in texts]
        digest = short_digest(f"{places}{self._dump(texts)}")
        self._references = [*references, [target, digest, self._references]]
        return f"Call({_CUT},{','.join(shape)})"

    def _bindings(self, node: ast.AST) -> Iterator[tuple[str, str]]:
        match node:
            case ast.Import(names=aliases):
                for alias in aliases:
                    first = alias.name.partition(".")[0]
                    yield (alias.asname, alias.name) if alias.asname else (first, first)
            case ast.ImportFrom(names=aliases):
                base = absolute(self._module, node, is_package=self._is_package)
                for alias in aliases:
                    yield alias.asname or alias.name, f"{base}.{alias.name}"
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()):
                yield name, ""
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name, ""
            case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                yield name, ""
            case ast.MatchMapping(rest=str(name)):
                yield name, ""
        for child in _within(node):
            yield from self._bindings(child)


def _name_of(node: ast.stmt) -> str:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
            return name
        case ast.Assign(targets=[ast.Name(id=name), *_]):
            return name
    return ""


def _within(node: ast.AST) -> Iterator[ast.AST]:
    """The parts of a node that bind names in the same scope."""
    if isinstance(node, (*_FUNCTION, ast.ClassDef, ast.Lambda)):
        return
    if isinstance(node, _COMPREHENSION):
        yield from (inner.target for inner in ast.walk(node) if isinstance(inner, ast.NamedExpr))
        return
    yield from ast.iter_child_nodes(node)


def _own(node: ast.AST) -> Iterator[ast.AST]:
    yield node
    for child in _within(node):
        yield from _own(child)
