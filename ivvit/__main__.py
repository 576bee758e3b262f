"""`python -m ivvit` is the `ivvit` command."""

from ivvit.cli import entry

entry()
