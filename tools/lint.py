"""Run `snakemake --lint` and allow one title: one .venv holds all software, so no rule has a container of its own."""

import subprocess
import sys

ALLOWED = "Specify a conda environment or container for each rule."

command = [sys.executable, "-m", "snakemake", "--lint", "--workflow-profile", "none"]
result = subprocess.run(command, capture_output=True, text=True)
lines = (result.stdout + result.stderr).splitlines()
titles = [line.strip()[2:].rstrip(":") for line in lines if line.startswith("    * ")]
if result.returncode and not titles:
    sys.exit("\n".join(lines))
if any(title != ALLOWED for title in titles):
    sys.exit("\n".join(lines))
print(f"snakemake --lint: nothing but the allowed {ALLOWED!r}")
