"""Which expressions have no effect, and which only make text: what may be left out of a message unseen."""

import ast
from collections.abc import Container

_FUNCTIONS = frozenset(
    [
        "abs",
        "all",
        "any",
        "ascii",
        "bin",
        "bool",
        "bytes",
        "chr",
        "complex",
        "dict",
        "divmod",
        "enumerate",
        "filter",
        "float",
        "format",
        "frozenset",
        "getattr",
        "hasattr",
        "hash",
        "hex",
        "id",
        "int",
        "isinstance",
        "issubclass",
        "len",
        "list",
        "map",
        "max",
        "min",
        "oct",
        "ord",
        "pow",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "str",
        "sum",
        "tuple",
        "type",
        "vars",
        "zip",
    ]
)
_METHODS = frozenset(
    [
        "as_posix",
        "capitalize",
        "casefold",
        "decode",
        "encode",
        "endswith",
        "isEnabledFor",
        "item",
        "items",
        "keys",
        "lower",
        "lstrip",
        "partition",
        "removeprefix",
        "removesuffix",
        "rpartition",
        "rsplit",
        "rstrip",
        "split",
        "splitlines",
        "startswith",
        "strip",
        "title",
        "tolist",
        "upper",
        "values",
    ]
)
_TEXT_METHODS = _METHODS | {"center", "format", "join", "ljust", "replace", "rjust", "zfill"}
"""Of a text alone: a thread joins too, and a path replaces."""
_TEXT_FUNCTIONS = frozenset(("str", "repr", "ascii", "format"))
_WHOLE = (ast.IfExp, ast.BoolOp, ast.Lambda, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def is_pure(node: ast.AST, shadowed: Container[str]) -> bool:
    """Whether evaluating it changes nothing, as far as can be seen; `shadowed` are builtins with another meaning."""
    return not effects(node, shadowed)


def effects(node: ast.AST, shadowed: Container[str]) -> list[ast.expr]:
    """The outermost parts of an expression that may have an effect; with the condition that they depend on."""
    if isinstance(node, ast.NamedExpr | ast.Await | ast.Yield | ast.YieldFrom):
        return [node]
    if isinstance(node, ast.Call) and not _is_pure_call(node, shadowed):
        return [node]
    found = [part for child in ast.iter_child_nodes(node) for part in effects(child, shadowed)]
    return [node] if found and isinstance(node, _WHOLE) else found


def is_text(node: ast.AST, shadowed: Container[str], names: Container[str] = ()) -> bool:
    """Whether an expression gives a text for sure; `names` are variables that do."""
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.Name(id=name):
            return name in names
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            return is_text(left, shadowed, names) or is_text(right, shadowed, names)
        case ast.BinOp(left=left, op=ast.Mod() | ast.Mult()):
            return is_text(left, shadowed, names)
        case ast.IfExp(body=body, orelse=orelse):
            return is_text(body, shadowed, names) and is_text(orelse, shadowed, names)
        case ast.BoolOp(values=values):
            return any(is_text(value, shadowed, names) for value in values)
        case ast.Call(func=ast.Name(id=name)):
            return name in _TEXT_FUNCTIONS and name not in shadowed
        case ast.Call(func=ast.Attribute(value=value, attr=attr)):
            return attr in _TEXT_METHODS and is_text(value, shadowed, names)
    return False


def _is_pure_call(call: ast.Call, shadowed: Container[str]) -> bool:
    match call.func:
        case ast.Name(id=name):
            functions = [*call.args[: name in ("map", "filter")], *(k.value for k in call.keywords if k.arg == "key")]
            return _is_pure_function(name, shadowed) and all(_may_be_called(f, shadowed) for f in functions)
        case ast.Attribute(value=value, attr=attr):
            return attr in (_TEXT_METHODS if is_text(value, shadowed) else _METHODS)
    return False


def _may_be_called(function: ast.expr, shadowed: Container[str]) -> bool:
    match function:
        case ast.Lambda() | ast.Constant():
            return True
        case ast.Name(id=name):
            return _is_pure_function(name, shadowed)
        case ast.Attribute(value=ast.Name(id="str"), attr=attr):
            return attr in _TEXT_METHODS and "str" not in shadowed
    return False


def _is_pure_function(name: str, shadowed: Container[str]) -> bool:
    return name in _FUNCTIONS and name not in shadowed
