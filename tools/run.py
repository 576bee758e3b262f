"""What `make run` does: the workflow with all cores; it ends with the tables and the report."""

import subprocess
import sys
import time


def main() -> int:
    """Run, and say how long it took."""
    started = time.monotonic()
    status = subprocess.run([sys.executable, "-m", "snakemake", "--cores", "all", *sys.argv[1:]]).returncode
    print(f"done in {time.monotonic() - started:.0f} s" if status == 0 else "not everything could be done; see above")
    return status


if __name__ == "__main__":
    sys.exit(main())
