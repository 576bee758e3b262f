"""Messages of a run: on standard error, and with times in train.log."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ROOT = logging.getLogger("ivvit")


@contextmanager
def log_to(path: Path, enabled: bool = True) -> Iterator[None]:
    """Append messages to a file; show them too unless logging was set up already."""
    handlers: list[logging.Handler] = []
    level = _ROOT.level
    if enabled:
        _ROOT.setLevel(logging.INFO)
        file = logging.FileHandler(path, encoding="utf-8")
        file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        handlers.append(file)
        if not _ROOT.hasHandlers():
            screen = logging.StreamHandler()
            screen.setFormatter(logging.Formatter("%(message)s"))
            handlers.append(screen)
    for handler in handlers:
        _ROOT.addHandler(handler)
    try:
        yield
    finally:
        for handler in handlers:
            _ROOT.removeHandler(handler)
            with suppress(OSError):  # a full disk: it must not hide what ended the run
                handler.close()
        _ROOT.setLevel(level)
