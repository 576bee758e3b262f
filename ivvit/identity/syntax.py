"""Digests of Python source that comments, docstrings, layout and the Python version do not change."""

import ast
import hashlib
from pathlib import Path

from ivvit.ground.errors import UserError

_IGNORED = {"ctx", "kind", "type_comment", "type_ignores", "type_params"}  # say nothing, or differ between versions


def parse(path: Path) -> ast.Module:
    """The syntax tree of a file without docstrings."""
    try:
        tree = ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise UserError(
            f"{path}{f':{line}' if line else ''}: cannot be parsed ({getattr(error, 'msg', error)}),"
            " so it is unknown which results it makes stale; mend the file"
        ) from None
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            node.body = [statement for statement in node.body if not _is_text(statement)]
    return tree


def definitions(tree: ast.Module) -> dict[str, str]:
    """A short digest of each function and class of a module, and of the other statements (as "")."""
    found: dict[str, list[str]] = {}
    for node in tree.body:
        name = node.name if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else _target(node)
        found.setdefault(name, []).append(_dump(node))
    return {name: hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12] for name, parts in found.items()}


def _target(node: ast.stmt) -> str:
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.target.id
    return ""


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _dump(node: object) -> str:
    if isinstance(node, ast.AST):
        fields = ((name, value) for name, value in ast.iter_fields(node) if name not in _IGNORED)
        inner = ",".join(f"{name}={_dump(value)}" for name, value in fields if value is not None and value != [])
        return f"{type(node).__name__}({inner})"
    if isinstance(node, list):
        return "[" + ",".join(map(_dump, node)) + "]"
    return repr(node)
