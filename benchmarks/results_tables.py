"""How long tables, figures and the report take: 300 runs x 10,000 test samples, again with one seed more, all anew; and
3,000 and 9,999 runs x 100 samples, to see that time grows with their number.

    python benchmarks/results_tables.py [--runs 300] [--samples 10000] [--many 3000 9999]

The runs are made by tests/made_results.py; a process of its own measures each step, so that nothing is warm.

What bounds it: of few runs with many samples, drawing and the draws of the intervals; of many runs, reading them.
"""

import argparse
import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

from common import show_and_save

PROJECT = Path(__file__).parents[1]
SEEDS = 3
MEASURE = """
import json, pickle, resource, sys, time
from pathlib import Path
from ivvit.results.comparison import compare
from ivvit.results.figures import write_figures
from ivvit.results.parts import Parts
from ivvit.results.report.content import ReportContext
from ivvit.results.report.page import write_report
from ivvit.results.tables import write_tables
refs, out, parts, found = pickle.loads(Path(sys.argv[1]).read_bytes()), *map(Path, sys.argv[2:]), {}
def timed(name, work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    found[name + "_s"], found[name + "_cpu_s"] = time.perf_counter() - wall, time.process_time() - cpu
    return result
comparison = timed("read", lambda: compare(refs, baseline="e0", parts=Parts(parts)))
timed("tables", lambda: write_tables(comparison, out))
timed("figures", lambda: write_figures(comparison, out))
timed("report", lambda: write_report(comparison, out, ReportContext("benchmark")))
for clock in ("s", "cpu_s"):
    found["all_" + clock] = sum(found[f"{name}_{clock}"] for name in ("read", "tables", "figures", "report"))
found["memory_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps(found))
"""


def main() -> None:
    """Measure, print a table and write results/<processor>-results-tables.json."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=300)
    parser.add_argument("--samples", type=int, default=10_000)
    parser.add_argument("--many", type=int, nargs="*", default=[3000, 9999], help="runs of 100 samples")
    args = parser.parse_args()
    rows = measure(args.runs, args.samples)
    many = [measure(runs, 100, once=True)[0] for runs in args.many]
    show_and_save("results-tables", [*rows, *many])
    _, more, anew = rows
    cpu, clock = (anew[key] / more[key] for key in ("all_cpu_s", "all_s"))
    print(f"all anew takes {cpu:.1f} times the CPU time of one seed more ({clock:.1f} by the clock)")
    for row in many:
        print(f"{row['runs']:,} runs: {1000 * row['all_cpu_s'] / row['runs']:.0f} ms each")


def measure(runs: int, samples: int, once: bool = False) -> list[dict[str, float]]:
    """A row for all runs but the last, one after the last was added, one for all anew (`once`: this one alone).

    The last is the best experiment's: more pictures change with it than with another's.
    """
    sys.path[:0] = [str(PROJECT), str(PROJECT / "tests")]
    from made_results import MadeSet, make_run

    sets = {"A": MadeSet(samples, 100)}
    with tempfile.TemporaryDirectory() as name:
        folder, experiments = Path(name), max(1, runs // SEEDS)
        refs = [make_run(folder / "runs", f"e{e}", seed, {"A": 0.5 + 0.3 * e / experiments}, sets)
                for e in range(experiments) for seed in range(SEEDS)]  # fmt: skip
        steps = [(len(refs) - 1, "parts"), (len(refs), "parts"), (len(refs), "none")][-1 if once else 0 :]
        made = ((count, _measured(folder, refs[:count], folder / parts)) for count, parts in steps)
        return [{"runs": count, "samples": samples, **found} for count, found in made]


def _measured(folder: Path, refs: list, parts: Path) -> dict[str, float]:
    kept = sum(1 for _ in parts.glob("*/*"))
    (folder / "refs.pkl").write_bytes(pickle.dumps(refs))
    command = [sys.executable, "-c", MEASURE, str(folder / "refs.pkl"), str(folder / "out"), str(parts)]
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    ran = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return {"parts": kept, **json.loads(ran.stdout.splitlines()[-1])}


if __name__ == "__main__":
    main()
