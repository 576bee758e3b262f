"""Takes out of a syntax tree what is written for people and type checkers: what is left is what computes."""

import ast
from collections.abc import Iterator

from ivvit.identity.facts import Facts
from ivvit.identity.purity import effects, is_pure, is_text

_FUNCTION = (ast.FunctionDef, ast.AsyncFunctionDef)
_USUAL = frozenset(
    [
        "property",
        "staticmethod",
        "classmethod",
        "cache",
        "lru_cache",
        "cached_property",
        "contextmanager",
        "asynccontextmanager",
        "abstractmethod",
        "override",
        "overload",
        "final",
        "no_grad",
        "inference_mode",
        "setter",
        "getter",
        "deleter",
        "wraps",
    ]
)
"""Decorators that do not look at annotations."""
_DYNAMIC = frozenset(("locals", "vars", "eval", "exec"))


def without_prose(tree: ast.Module, package: str) -> ast.Module:
    """The tree of a file of the package, changed in place: without

    - docstrings, other texts that stand alone, `pass`, `__all__`, overloads;
    - texts in exceptions that are raised or built, and the message of an `assert`;
    - warnings and log lines, with the loggers; their arguments stay where they may have an effect;
    - variables that only those used;
    - annotations of functions and variables; those in class bodies stay, and where a decorator may look at them;
    - what only type checkers import.
    """
    _Prose(Facts(tree, package)).visit(tree)
    return tree


class _Prose(ast.NodeTransformer):
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._shadowed = facts.bound
        self._texts: frozenset[str] = frozenset()
        self._cut = 0
        self._place: type[ast.AST] = ast.Module
        self._raisable = False

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> ast.AST | None:
        if "overload" in map(_last_name, node.decorator_list):
            return None
        outside = self._texts, self._place, self._cut
        inside = list(ast.walk(node))
        self._texts, self._place, self._cut = _text_names(inside, self._shadowed), ast.FunctionDef, 0
        if all(_last_name(decorator) in _USUAL for decorator in node.decorator_list):
            _drop_annotations(node)
        used = _loaded(inside)
        self.generic_visit(node)
        if self._cut:
            _drop_unused(node, used, self._shadowed)
        self._texts, self._place = outside[:2]
        self._cut += outside[2]
        return node

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outside = self._place, self._raisable
        self._place, self._raisable = ast.ClassDef, any(map(self._facts.is_exception, node.bases))
        self.generic_visit(node)
        self._place, self._raisable = outside
        return node

    def visit_Pass(self, node: ast.Pass) -> None:
        return None

    def visit_Expr(self, node: ast.Expr) -> ast.AST | None:
        if isinstance(node.value, ast.Constant):
            return None
        if not isinstance(node.value, ast.Call) or not self._facts.is_message(node.value):
            return self.generic_visit(node)
        self._cut += 1
        arguments = [*node.value.args, *(keyword.value for keyword in node.value.keywords)]
        left = [part for argument in arguments for part in effects(argument, self._shadowed)]
        return ast.Expr(ast.Tuple(left, ast.Load())) if left else None

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        self._cut += node.msg is not None
        node.msg = None
        return self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        if isinstance(node.exc, ast.Call):
            self._cut_texts(node.exc)
            if not node.exc.args and not node.exc.keywords:
                node.exc = node.exc.func
        return self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if self._facts.is_exception(node.func) or (self._raisable and _is_super_init(node)):
            self._cut_texts(node)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        if isinstance(target := node.targets[0], ast.Name):
            module = self._place is ast.Module
            if module and (target.id == "__all__" or (target.id in self._facts.loggers)):
                return None
        return self.generic_visit(node)

    def visit_AugAssign(self, node: ast.AugAssign) -> ast.AST | None:
        if self._place is ast.Module and isinstance(node.target, ast.Name) and node.target.id == "__all__":
            return None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST | None:
        if self._place is ast.ClassDef:
            return self.generic_visit(node)
        return None if node.value is None else self.visit(ast.Assign([node.target], node.value))

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt] | None:
        match node.test:
            case ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING"):
                return self._all(node.orelse)
            case ast.UnaryOp(op=ast.Not(), operand=ast.Name(id="TYPE_CHECKING") | ast.Attribute(attr="TYPE_CHECKING")):
                return self._all(node.body)
        self.generic_visit(node)
        return _without_empty_branches(node, self._shadowed)

    def _all(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        block = ast.Module(statements, [])
        self.generic_visit(block)
        return block.body

    def _cut_texts(self, call: ast.Call) -> None:
        """Take the texts out of the arguments, but not what making them may do."""
        arguments: list[ast.expr] = []
        for argument in call.args:
            if is_text(argument, self._shadowed, self._texts):
                arguments += effects(argument, self._shadowed)
            else:
                arguments.append(argument)
        keywords = [k for k in call.keywords if not self._is_plain_text(k.value)]
        self._cut += len(arguments) != len(call.args) or len(keywords) != len(call.keywords)
        call.args, call.keywords = arguments, keywords

    def _is_plain_text(self, node: ast.expr) -> bool:
        return is_text(node, self._shadowed, self._texts) and is_pure(node, self._shadowed)


def _is_super_init(call: ast.Call) -> bool:
    match call.func:
        case ast.Attribute(value=ast.Call(func=ast.Name(id="super")), attr="__init__"):
            return True
    return False


def _last_name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _drop_annotations(function: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
    function.returns = None
    for argument in ast.walk(function.args):
        if isinstance(argument, ast.arg):
            argument.annotation = None


def _text_names(nodes: list[ast.AST], shadowed: dict[str, int]) -> frozenset[str]:
    """The function's variables that are assigned nothing but text."""
    texts: set[str] = set()
    others: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            if isinstance(target, ast.Name) and node.value is not None and is_text(node.value, shadowed, texts):
                texts.add(target.id)
                continue
            others |= {name.id for name in ast.walk(target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.arg):
            others.add(node.arg)
        elif isinstance(node, ast.For | ast.AsyncFor | ast.comprehension | ast.NamedExpr):
            others |= {name.id for name in ast.walk(node.target) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            others |= {name.id for name in ast.walk(node.optional_vars) if isinstance(name, ast.Name)}
        elif isinstance(node, ast.ExceptHandler | ast.MatchAs | ast.MatchStar) and node.name:
            others.add(node.name)
    return frozenset(texts - others)


def _loaded(nodes: list[ast.AST]) -> set[str]:
    return {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}


def _drop_unused(function: ast.FunctionDef | ast.AsyncFunctionDef, used: set[str], shadowed: dict[str, int]) -> None:
    """Drop assignments without effect to variables that are no longer used."""
    while True:
        nodes = list(ast.walk(function))
        loaded = _loaded(nodes)
        shared = {name for node in nodes if isinstance(node, ast.Global | ast.Nonlocal) for name in node.names}
        unused = used - loaded - shared
        if not unused or loaded & _DYNAMIC or not _drop(function, unused, shadowed):
            return


def _drop(block: ast.AST, names: set[str], shadowed: dict[str, int]) -> bool:
    """Drop assignments to these names, in nested blocks but in no other scope; whether there were any."""
    dropped = False
    for field in ("body", "orelse", "finalbody", "handlers", "cases"):
        statements = getattr(block, field, None)
        if not isinstance(statements, list):
            continue
        kept: list[ast.AST] = []
        for statement in statements:
            if _assigns_to(statement, names, shadowed):
                dropped = True
                continue
            if not isinstance(statement, (*_FUNCTION, ast.ClassDef)):
                dropped |= _drop(statement, names, shadowed)
            kept += _simplified(statement, shadowed)
        setattr(block, field, kept)
    return dropped


def _assigns_to(statement: ast.AST, names: set[str], shadowed: dict[str, int]) -> bool:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=value) | ast.AugAssign(target=ast.Name(id=name), value=value)
        ):
            return name in names and is_pure(value, shadowed)
    return False


def _simplified(statement: ast.AST, shadowed: dict[str, int]) -> Iterator[ast.AST]:
    left = _without_empty_branches(statement, shadowed) if isinstance(statement, ast.If) else statement
    if left is not None:
        yield left


def _without_empty_branches(node: ast.If, shadowed: dict[str, int]) -> ast.stmt | None:
    if node.body or node.orelse:
        return node
    return None if is_pure(node.test, shadowed) else ast.Expr(node.test)
