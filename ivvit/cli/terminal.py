"""Colours, where they help: on a terminal, unless NO_COLOR is set (https://no-color.org)."""

import os
import sys

_CODES = {"red": 31, "green": 32, "yellow": 33, "blue": 34, "magenta": 35, "cyan": 36}  # ANSI


def coloured(text: str, colour: str | None) -> str:
    """The text in a colour, or as it is."""
    if colour is None or os.environ.get("NO_COLOR") or not sys.stdout.isatty():
        return text
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m"
