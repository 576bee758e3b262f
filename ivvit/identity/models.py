"""Which module implements which model, read from the registry's source without importing it."""

import ast

from ivvit.ground.errors import UserError
from ivvit.identity.closure import PACKAGE


def model_modules() -> dict[str, str]:
    """Model name -> module, from the literal MODEL_MODULES in ivvit/numerics/models/registry.py."""
    path = PACKAGE / "numerics" / "models" / "registry.py"
    for node in ast.parse(path.read_bytes()).body:
        match node:
            case (
                ast.Assign(targets=[ast.Name(id="MODEL_MODULES")], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id="MODEL_MODULES"), value=ast.expr() as value)
            ):
                modules: dict[str, str] = ast.literal_eval(value)
                return modules
    raise UserError(f"{path}: has no literal MODEL_MODULES; it tells which results a model's file makes stale")
