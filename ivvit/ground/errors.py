"""The one exception that is meant for the user's eyes."""


class UserError(Exception):
    """Something the user can mend: the message names the file, key or value, and says what to do.

    The command line prints it as ``error: <message>`` without a traceback and exits with status 1.
    """
