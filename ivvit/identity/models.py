"""Which module implements which model, read from the registry's source without importing it."""

import ast

from ivvit.ground.errors import UserError
from ivvit.identity.closure import PACKAGE


def model_modules() -> dict[str, str]:
    """Model name -> module, from the literal MODEL_MODULES in ivvit/numerics/models/registry.py."""
    path = PACKAGE / "numerics" / "models" / "registry.py"
    for node in ast.walk(ast.parse(path.read_bytes())):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if isinstance(target, ast.Name) and target.id == "MODEL_MODULES" and node.value is not None:
            return ast.literal_eval(node.value)
    raise UserError(f"{path}: has no literal MODEL_MODULES; it tells which results a model's file makes stale")
