"""Print a shell's completion of `ivvit`: commands, options, files."""

import argparse

from ivvit.ground.errors import UserError

EXAMPLES = """\
  ivvit completion bash > ~/.local/share/bash-completion/completions/ivvit
  ivvit completion zsh > "${fpath[1]}/_ivvit"
"""
SHELLS = ("bash", "zsh", "tcsh")


def add(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("shell", choices=SHELLS)


def run(args: argparse.Namespace) -> None:
    """Print it."""
    from ivvit.cli import COMMANDS, Command, make_parser

    try:
        import shtab
    except ModuleNotFoundError:
        raise UserError("shtab is not installed, which writes completions: pip install shtab") from None
    parser = make_parser()
    commands = next(action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name in COMMANDS:
        command = commands.choices[name]
        assert isinstance(command, Command)
        command.load()
        for action in command._actions:
            if action.metavar == "FILE" or action.dest in ("out", "what"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
    print(shtab.complete(parser, args.shell))
