"""A job runs the code that its identity was made from, or stops: files may change while a process is starting."""

import importlib
import os
from collections.abc import Mapping
from contextlib import ExitStack

from ivvit.ground.errors import Failure, UserError
from ivvit.ground.imports import no_collection
from ivvit.identity.closure import Code
from ivvit.identity.identity import Identity

_LAUNCHED = "IVVIT_IDENTITY_OF_RUN"


def load_planned(identity: Identity, workers: int) -> None:
    """Import all code that an identity was made from, here and where data loading's workers are forked from; then make
    sure that the files are still the same, so that what was imported is what the identity says.

    Args:
        identity: of the run or study, made in this process before any of its code was imported.
        workers: whether there will be workers (more than 0).

    Raises:
        UserError: the code changed in the meantime.
    """
    planned: Mapping[str, Mapping[str, str]] = identity.parts["code"]
    launched = os.environ.get(_LAUNCHED, identity.digest)
    if launched != identity.digest:  # by torchrun's process, which named the run
        raise _changed(f"this process found the identity {identity.digest}, and not {launched}")
    names = [_module(path) for path in planned]
    try:
        _import(names, workers)
    except Exception:
        _compare(planned, names)  # a file that was half written
        raise
    _compare(planned, names)


def remember_launched(identity: Identity) -> None:
    """Let the processes that this one starts refuse to train under another identity."""
    os.environ[_LAUNCHED] = identity.digest


def _import(names: list[str], workers: int) -> None:
    with ExitStack() as stack, no_collection():
        if workers:
            from ivvit.runs.loader import server_starts

            stack.enter_context(server_starts())
        for name in names:
            importlib.import_module(name)


def _compare(planned: Mapping[str, Mapping[str, str]], names: list[str]) -> None:
    packages = {".".join(name.split(".")[:2]) for name in names}
    found = Code().closure(names, within=packages).modules
    if found != planned:
        changed = sorted(module for module in {*planned, *found} if planned.get(module) != found.get(module))
        raise _changed(", ".join(changed))


def _changed(what: str) -> UserError:
    return Failure(
        f"code changed while this job started ({what}); nothing was run. Start snakemake again: it plans with what is "
        "there now"
    )


def _module(path: str) -> str:
    return "ivvit." + path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
