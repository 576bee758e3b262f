"""What `make run` does: the workflow with all cores, and the report when anything was new."""

import subprocess
import sys
import time
from pathlib import Path

SNAKEMAKE = [sys.executable, "-m", "snakemake", "--cores", "all"]
REPORT = Path("results/report.html")


def main() -> int:
    """Run; then make the report if the tables are newer."""
    started = time.monotonic()
    status = subprocess.run([*SNAKEMAKE, *sys.argv[1:]]).returncode
    table = Path("results/tables/comparison.csv")
    if status == 0 and table.exists() and (not REPORT.exists() or REPORT.stat().st_mtime < table.stat().st_mtime):
        status = subprocess.run([*SNAKEMAKE, "--quiet", "all", "--report", REPORT]).returncode
        print(f"report:    {REPORT}")
    print(f"done in {time.monotonic() - started:.0f} s" if status == 0 else "not everything could be done; see above")
    return status


if __name__ == "__main__":
    sys.exit(main())
