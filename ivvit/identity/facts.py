"""What the names in a file stand for, so far as it takes to tell messages from computation."""

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator

_NAMED = re.compile(r"\w*(Error|Exception|Warning)")
_EXCEPTIONS = frozenset(
    [
        "BaseExceptionGroup",
        "ExceptionGroup",
        "GeneratorExit",
        "KeyboardInterrupt",
        "StopAsyncIteration",
        "StopIteration",
        "SystemExit",
    ]
)
_LEVELS = frozenset(["debug", "info", "warning", "warn", "error", "critical", "exception", "log"])


def is_exception_name(name: str) -> bool:
    """Whether a class is called as exceptions are."""
    return name in _EXCEPTIONS or _NAMED.fullmatch(name) is not None


def is_python_exception(path: str) -> bool:
    """Whether a dotted name is an exception of Python's own: elsewhere, MeanSquaredError("sum") computes."""
    root, _, rest = path.partition(".")
    return is_exception_name(path.rpartition(".")[2]) and (not rest or root in sys.stdlib_module_names)


class Facts:
    """A file's names, as they are before anything is taken out of it; one that is bound twice stands for nothing."""

    def __init__(self, tree: ast.Module, package: str) -> None:
        nodes = list(ast.walk(tree))
        self.bound = Counter(name for node in nodes for name in _bound(node))
        """How often each name is bound, wherever in the file."""
        self._own_roots = frozenset((package, ""))
        self._imported = _imported(nodes, self.bound)
        self.loggers = frozenset(
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None and self.is_logger(node.value)
            if isinstance(target := node.targets[0] if isinstance(node, ast.Assign) else node.target, ast.Name)
            if self.bound[target.id] == 1
        )
        """Variables that are loggers from the file's first line to its last."""
        self._exceptions = self._own_exceptions(nodes)

    def is_exception(self, node: ast.expr) -> bool:
        """Whether an expression is an exception class: by its name, unless another project gave that name."""
        return self._is_exception(node, self._exceptions)

    def is_logger(self, node: ast.expr) -> bool:
        """Whether an expression makes a logger, by a name without effects."""
        return (
            isinstance(node, ast.Call)
            and self.dotted(node.func) == "logging.getLogger"
            and all(isinstance(argument, ast.Constant | ast.Name) for argument in node.args)
        )

    def is_message(self, call: ast.Call) -> bool:
        """Whether a call only tells people something: a log line or a warning."""
        if self.dotted(call.func) in ("warnings.warn", "warnings.warn_explicit"):
            return True
        if not isinstance(call.func, ast.Attribute) or call.func.attr not in _LEVELS:
            return False
        of = call.func.value
        return (
            self.dotted(of) == "logging" or self.is_logger(of) or (isinstance(of, ast.Name) and of.id in self.loggers)
        )

    def dotted(self, node: ast.expr) -> str | None:
        """What a name or attribute of an imported module stands for, such as `warnings.warn`."""
        if isinstance(node, ast.Attribute):
            value = self.dotted(node.value)
            return None if value is None else f"{value}.{node.attr}"
        return self._imported.get(node.id) if isinstance(node, ast.Name) else None

    def _own_exceptions(self, nodes: list[ast.AST]) -> frozenset[str]:
        classes = [node for node in nodes if isinstance(node, ast.ClassDef) and self.bound[node.name] == 1]
        found: frozenset[str] = frozenset()
        while True:
            new = frozenset(c.name for c in classes if any(self._is_exception(base, found) for base in c.bases))
            if new == found:
                return found
            found = new

    def _is_exception(self, node: ast.expr, own: frozenset[str]) -> bool:
        if isinstance(node, ast.Name) and (node.id in own or not self.bound[node.id]):
            return node.id in own or is_exception_name(node.id)
        path = self.dotted(node) or ""
        if path.partition(".")[0] in self._own_roots:
            return is_exception_name(path.rpartition(".")[2])
        return is_python_exception(path)


def _imported(nodes: list[ast.AST], bound: Counter[str]) -> dict[str, str]:
    """Name -> what it stands for, for names that are bound by imports of one thing alone; relative ones begin with a
    dot."""
    found: dict[str, list[str]] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.asname or alias.name.partition(".")[0]
                found.setdefault(name, []).append(alias.name if alias.asname else name)
        elif isinstance(node, ast.ImportFrom):
            base = "." if node.level else f"{node.module}."
            for alias in node.names:
                found.setdefault(alias.asname or alias.name, []).append(base + alias.name)
    return {
        name: meanings[0]
        for name, meanings in found.items()
        if len(set(meanings)) == 1 and bound[name] == len(meanings)
    }


def _bound(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
            yield name
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.alias(name=name, asname=asname):
            yield asname or name.partition(".")[0]
        case ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(name)):
            yield name
