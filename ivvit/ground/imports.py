"""Imports without a search for garbage among what they make."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def no_collection() -> Iterator[None]:
    """Within this context, which imports, Python looks for no garbage; nor later among what is there when the first one
    of a process ends.

    torch's and timm's modules are 400,000 objects that stay: looking through them again and again, as they
    become more, is a tenth of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        if not gc.get_freeze_count():  # once: of what is made later, much becomes garbage
            gc.freeze()
        gc.enable()
