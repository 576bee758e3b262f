"""The command line: all commands are listed, none is loaded but the one that is given."""

import importlib
import re
import shlex
import subprocess
import sys

import pytest

from ivvit.cli import COMMANDS, main, make_parser
from ivvit.cli.status import table_lines
from ivvit.ledger.reasons import Reason
from ivvit.ledger.status import RunState


@pytest.mark.parametrize("arguments", [[], ["--help"]])
def test_help_lists_all_commands(arguments, capsys):
    with pytest.raises(SystemExit, match="0"):
        main(arguments)
    shown = capsys.readouterr().out
    assert all(f" {name} " in shown for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit, match="0"):
        main([command, "--help"])
    shown = capsys.readouterr().out
    assert f"usage: ivvit {command} " in shown
    explained = shown.split("\n\n", 1)[1].split("\nexamples:")[0]  # after the usage
    assert [line for line in explained.splitlines() if len(line) > 80] == []


def test_an_unknown_command_gets_the_nearest(capsys):
    assert main(["statsu"]) == 2
    assert "unknown command 'statsu'; did you mean status?" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["stat"], ["status", "--js"], ["--vers"]])
def test_nothing_is_abbreviated(arguments, capsys):
    try:
        assert main(arguments) == 2
    except SystemExit as end:
        assert end.code == 2


def test_only_the_given_command_is_loaded():
    code = (
        "import sys\nfrom ivvit.cli import main\ntry:\n    main(['status', '--help'])\nexcept SystemExit:\n    pass\n"
    )
    code += "print('LOADED', *[name for name in sys.modules if name.startswith('ivvit.cli.')], 'torch' in sys.modules)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600, check=True)
    loaded = ran.stdout.rpartition("LOADED")[2].split()
    assert set(loaded) <= {"ivvit.cli.status", "ivvit.cli.common", "ivvit.cli.terminal", "False"}


def examples(command):
    """The command lines of a command's EXAMPLES, without comments and what the shell does with the output."""
    text = importlib.import_module(f"ivvit.cli.{command}").EXAMPLES.replace("\\\n", " ")
    return [re.split(r"\s{2,}|\s[|>]", line.strip())[0] for line in re.sub(r" {2,}--", " --", text).splitlines()]


@pytest.mark.parametrize(("command", "line"), [(c, line) for c in COMMANDS for line in examples(c)])
def test_examples_are_right(command, line):
    arguments = shlex.split(line)
    assert arguments[:2] == ["ivvit", command]
    make_parser().parse_args(arguments[1:])


def test_a_configuration_is_named_as_snakemake_names_it():
    args = make_parser().parse_args(["status", "--configfile", "a.yaml", "b.yaml"])
    assert args.config == ["a.yaml", "b.yaml"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion_knows_commands_and_options(shell, capsys):
    assert main(["completion", shell]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in (*COMMANDS, "configfile", "num_workers"))


STATES = [RunState("a", 0, "fresh"), RunState("b", 10, "stale", [Reason("k", "", detail="why " * 20)])]


def test_the_table_is_plain_where_there_is_no_terminal():
    lines = list(table_lines(STATES, None, colour=False))
    assert lines[0] == "experiment  seed  state  why" and lines[1] == "a           0     fresh"
    assert len(lines) == 4 and lines[-1] == "1 fresh, 1 stale" and "\x1b" not in "".join(lines)


def test_reasons_are_wrapped_to_the_terminal_with_and_without_colour():
    plain = "\n".join(table_lines(STATES, 60, colour=False))
    assert max(map(len, plain.splitlines())) <= 60 and plain.count("why ") >= 15
    coloured = "\n".join(table_lines(STATES, 60, colour=True))
    assert "\x1b[32mfresh" in coloured and coloured.count("\n") == plain.count("\n")
