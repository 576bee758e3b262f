"""Run the benchmarks one after the other, and write benchmarks/README.md from what they print.

    make bench
    python benchmarks/run.py --only loading scale
    python benchmarks/run.py --quick

Nothing else should run meanwhile; a benchmark that fails is named, and the others go on; the page keeps what it had of
those that were not run. --quick only shows that they run.
"""

import argparse
import ast
import datetime
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from common import cpu_name

HERE = Path(__file__).parent
PAGE = HERE / "README.md"
PROGRESS = re.compile(r"\w.*━━━ ")
HEAD = "# Benchmarks\n\nWritten by `make bench`.\n"
TINY = "--backbone vit_tiny_patch16_224 --image-size 64 --batches 8 8 2 2 --frames 4"
SCRIPTS = {
    "loading": "", "evaluation": "", "validation": "", "scale": "", "start": "", "models": "",
    "training": f"{TINY} --rounds 3 --compile", "waiting": "", "results_tables": "", "graph": "",
}  # fmt: skip
"""Each with its options."""
QUICK = {
    "loading": "--videos 2 --seconds 0.2 --rounds 1", "evaluation": "--seconds 0.2 --rounds 1",
    "validation": "--videos 2 --images 100 --counts 500 1000",
    "scale": "--images 100000 --videos 2000 --workers 2 --batches 5", "start": "--rounds 1",
    "models": "--backbone vit_tiny_patch16_224 --frames 2 --rounds 1",
    "training": "--models IV-ViT --rules cumulative --rounds 1 --repeats 1", "waiting": "--iterations 5",
    "results_tables": "--runs 6 --samples 100 --many 9", "graph": "--runs 10",
}  # fmt: skip
"""Options with which they only show that they run."""
DATA = ("loading", "evaluation", "validation")
"""Those that need real files."""


def main() -> int:
    """Run them; returns how many failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SCRIPTS, default=list(SCRIPTS))
    parser.add_argument("--data", default="../shared/data", help="real files (%(default)s)")
    parser.add_argument("--rivals", default="", help="where the competitors are installed (see loading.py)")
    parser.add_argument("--quick", action="store_true", help="see whether they run; keep no numbers")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        results = {"BENCHMARK_RESULTS": folder} if args.quick else {}
        parts = {name: _run(name, args, results) for name in args.only}
    if not args.quick:
        known = _parts(PAGE.read_text()) if PAGE.is_file() else {}
        known |= {name: part for name, part in parts.items() if part}
        PAGE.write_text("\n".join([HEAD, *(known[name] for name in SCRIPTS if name in known)]))
    return sum(part is None for part in parts.values())


def _run(name: str, args: argparse.Namespace, environment: dict[str, str]) -> str | None:
    """The page's part about a script; None where it failed."""
    options = f"{SCRIPTS[name]} {QUICK[name] if args.quick else ''}".split()
    options += ["--data", args.data] if name in DATA else []
    options += ["--rivals", args.rivals] if name == "loading" else []
    print(f"{name} ...", end=" ", flush=True)
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, str(HERE / f"{name}.py"), *options], stdout=subprocess.PIPE, text=True,
        env=os.environ | environment | {"PYTHONWARNINGS": "ignore", "NO_COLOR": "1", "COLUMNS": "120"},
    )  # fmt: skip
    took = f"{(time.monotonic() - begin) / 60:.1f} minutes"
    print(took if done.returncode == 0 else f"failed with status {done.returncode} after {took}", flush=True)
    if done.returncode:
        return None
    return _part(name, done.stdout, f"{took}, on {datetime.date.today()}: {cpu_name()}, {os.cpu_count()} cores")


def _parts(page: str) -> dict[str, str]:
    """Script -> its part of the page."""
    return {part.split("\n", 1)[0]: f"## {part.rstrip()}\n" for part in page.split("\n## ")[1:]}


def _part(name: str, printed: str, took: str) -> str:
    text = ast.get_docstring(ast.parse((HERE / f"{name}.py").read_text())) or ""
    lines = [line.rstrip() for line in printed.splitlines() if not PROGRESS.match(line)]
    return f"## {name}\n\n{text}\n\nIn {took}:\n\n```text\n" + "\n".join(lines) + "\n```\n"


if __name__ == "__main__":
    sys.exit(main())
