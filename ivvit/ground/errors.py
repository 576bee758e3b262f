"""The one exception that is meant for the user's eyes, and the exit statuses of the command line."""

from typing import ClassVar, Final

OK: Final = 0
FAILURE: Final = 1
"""Something went wrong on the way: the disk is full, the loss is not finite; an unexpected exception as well."""
MISTAKE: Final = 2
"""What was given cannot be right: an option (argparse's own status), the configuration, data, weights."""
STOPPED: Final = 75
"""EX_TEMPFAIL of sysexits.h: asked to stop, saved, goes on when started again."""
INTERRUPTED: Final = 130
"""Ctrl-C, as a shell reports SIGINT."""


class UserError(Exception):
    """Something the user can mend: the message names the file, key or value, and says what to do.

    The command line prints it as ``error: <message>`` without a traceback and exits with `exit_code`.
    """

    exit_code: ClassVar[int] = MISTAKE


class Failure(UserError):
    """Something that went wrong although what was given is right: a full disk, memory, a loss that is not finite."""

    exit_code = FAILURE
