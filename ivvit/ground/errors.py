"""The one exception that is meant for the user's eyes, and the exit statuses of the command line."""

from typing import ClassVar, Final

OK: Final = 0
FAILURE: Final = 1
"""Something the user can mend; an unexpected exception ends with it as well."""
STOPPED: Final = 75
"""EX_TEMPFAIL of sysexits.h: asked to stop, saved, goes on when started again."""
INTERRUPTED: Final = 130
"""Ctrl-C, as a shell reports SIGINT. (A wrong command line is argparse's 2.)"""


class UserError(Exception):
    """Something the user can mend: the message names the file, key or value, and says what to do.

    The command line prints it as ``error: <message>`` without a traceback and exits with `exit_code`.
    """

    exit_code: ClassVar[int] = FAILURE
