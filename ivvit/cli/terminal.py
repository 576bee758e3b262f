"""Colours, where they help: on a terminal, unless NO_COLOR is set (https://no-color.org)."""

import os
import sys

_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}  # ANSI


def wants_colour() -> bool:
    """Whether standard output shows colours, and whoever reads it wants them."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def painted(text: str, colour: str) -> str:
    """The text in a colour."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
