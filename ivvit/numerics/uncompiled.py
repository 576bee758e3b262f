"""Optimisers without torch's compiler, whose import takes two seconds of every start that compiles nothing.

torch keeps its compiler from looking into some functions, optimisers' above all, by wrappers that import it at their
first call, to tell it so. Where nothing is compiled there is nobody to tell: `_disable_dynamo` leaves what it will call
from then on at the function, so that can be put there before; a step's wrapper, which marks breaks in the compiler's
graphs, is replaced by one that sets what it sets. Another torch, whose wrappers are others, imports its compiler again.
"""

import functools
import sys
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any

import torch
from torch.optim import Optimizer, optimizer

_COMPILER = "torch._dynamo"


def spare_compiler() -> None:
    """Let optimisers do without the compiler in this process; nothing where it is there already.

    A model may be compiled afterwards, an optimiser's step may not.
    """
    if _COMPILER in sys.modules:
        return
    silent, broken = _wrapper(torch, "_disable_dynamo"), _wrapper(optimizer, "_use_grad_for_differentiable")
    for kind in {Optimizer, *(value for value in vars(torch.optim).values() if isinstance(value, type))}:
        for name, method in list(vars(kind).items()):
            code = getattr(method, "__code__", None)
            if code is not None and code is silent:
                setattr(method.__wrapped__, "__dynamo_disable", method.__wrapped__)
            elif code is not None and code is broken:
                setattr(kind, name, _unbroken(method.__wrapped__))


def _wrapper(module: Any, decorator: str) -> CodeType | None:
    """The code of all functions that a decorator makes; None where this torch has no such decorator."""
    made = getattr(module, decorator, lambda _: None)(lambda self: None)
    return made.__code__ if isinstance(made, FunctionType) else None


def _unbroken(step: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(step)
    def call(self: Optimizer, *args: Any, **options: Any) -> Any:
        with torch.set_grad_enabled(self.defaults["differentiable"]):
            return step(self, *args, **options)

    return call
