"""`python -m ivvit` is the `ivvit` command."""

import sys

from ivvit.cli import main

sys.exit(main())
