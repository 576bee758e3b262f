"""Run the benchmarks one after the other, and write benchmarks/README.md from what they print.

    make bench
    python benchmarks/run.py --only loading scale

Nothing else should run meanwhile; a benchmark that fails is named in the page, and the others go on.
"""

import argparse
import ast
import datetime
import os
import subprocess
import sys
from pathlib import Path

from common import cpu_name

HERE = Path(__file__).parent
SCRIPTS: dict[str, list[str]] = {
    "loading": [], "evaluation": [], "validation": [], "scale": [], "start": [], "models": [], "training": [], "waiting": [],
    "results_tables": [], "graph": [],
}  # fmt: skip
DATA = ("loading", "evaluation", "validation")
"""Those that need real files."""


def main() -> int:
    """Run them; returns how many failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    parser.add_argument("--data", default="../shared/data", help="real files (%(default)s)")
    parser.add_argument("--rivals", default="", help="where the competitors are installed (see loading.py)")
    args = parser.parse_args()
    parts, failed = [], 0
    for name in args.only:
        options = ["--data", args.data] if name in DATA else []
        options += ["--rivals", args.rivals] if name == "loading" else []
        print(f"{name} ...", flush=True)
        done = subprocess.run(
            [sys.executable, str(HERE / f"{name}.py"), *options], stdout=subprocess.PIPE, text=True,
            env=os.environ | {"PYTHONWARNINGS": "ignore", "NO_COLOR": "1"},
        )  # fmt: skip
        failed += done.returncode != 0
        parts.append(_part(name, done.stdout if done.returncode == 0 else f"failed with status {done.returncode}"))
    day = datetime.date.today().isoformat()
    head = f"# Benchmarks\n\nWritten by `make bench` on {day}: {cpu_name()}, {os.cpu_count()} cores.\n"
    (HERE / "README.md").write_text("\n".join([head, *parts]))
    return failed


def _part(name: str, printed: str) -> str:
    text = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text())) or ""
    lines = [line.rstrip() for line in printed.splitlines() if "━━━━━━━━ 100%" not in line]
    return f"## {name}\n\n{text}\n\n```text\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    sys.exit(main())
