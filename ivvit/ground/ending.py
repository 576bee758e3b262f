"""How a process ends: by its exit status, after all is written, whatever its threads are doing.

A thread that is inside torch when the interpreter ends aborts the process (SIGABRT), and so a run that is done fails:
one of ours that waits for a hung file server and cannot be joined, or one of gloo's, which outlive their process group.
"""

import atexit
import os
import sys
import threading
from contextlib import suppress
from typing import NoReturn

_PATIENCE_SECONDS = 30.0
"""How long exit handlers (Comet's, those that end child processes) and the readers of our output may take."""


def leave(status: int) -> NoReturn:
    """End this process at once, as `sys.exit` does but for threads, which are not waited for."""
    watch = threading.Timer(_PATIENCE_SECONDS, os._exit, (status,))
    watch.daemon = True
    watch.start()
    _flush()  # before a handler that hangs
    with suppress(BaseException):
        atexit._run_exitfuncs()
    _flush()
    os._exit(status)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # None, closed, or nobody reads it
            stream.flush()
