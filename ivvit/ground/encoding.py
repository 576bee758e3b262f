"""Names of files mean the same bytes in every locale: UTF-8, as in Python's UTF-8 mode."""

import os
import sys

_VARIABLE = "PYTHONUTF8"


def names_are_utf8() -> bool:
    """Whether this process reads and writes names of files as UTF-8."""
    return sys.getfilesystemencoding().lower() == "utf-8"


def restart_in_utf8() -> None:
    """Begin this process anew in UTF-8 mode, where its locale has another encoding: else a data set's digest would
    depend on it, and names in a configuration would mean other files."""
    if not names_are_utf8():
        os.environ[_VARIABLE] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
