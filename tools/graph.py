"""docs/graph.svg from `snakemake --rulegraph` of a finished workflow: its own edges, without the target `all`.

Needs graphviz (`apt install graphviz`).
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

STYLE = """
    rankdir=LR; nodesep=0.2; ranksep=0.35; pad=0.15;
    node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=12, color="#4b5563", fillcolor="#f3f4f6"];
    edge [color="#6b7280"];
"""
FILLED = {"train": "#fde68a", "study_worker": "#fde68a", "evaluate": "#fde68a", "tables": "#bbf7d0"}


def main() -> None:
    """Ask Snakemake, and draw."""
    dot = shutil.which("dot")
    if dot is None:
        sys.exit("graphviz is needed to draw docs/graph.svg: apt install graphviz, or brew install graphviz")
    command = [sys.executable, "-m", "snakemake", "--rulegraph"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    Path("docs/graph.svg").write_text(subprocess.run([dot, "-Tsvg"], input=graph(shown), capture_output=True,
                                                     text=True, check=True).stdout)  # fmt: skip


def graph(shown: str) -> str:
    """Snakemake's graph in our colours."""
    names = dict(re.findall(r'(\d+)\[label = "(\w+)"', shown))
    edges = sorted({(names[one], names[other]) for one, other in re.findall(r"(\d+) -> (\d+)", shown)})
    edges = [edge for edge in edges if "all" not in edge]
    if ("train", "tables") not in edges and ("evaluate", "tables") not in edges:
        sys.exit("the workflow is not finished, so its graph is not whole: run `snakemake` first")
    nodes = [f'    {name} [fillcolor="{FILLED[name]}"];' for name in sorted(names.values()) if name in FILLED]
    lines = [f"    {one} -> {other};" for one, other in edges]
    return "\n".join(["digraph ivvit {", STYLE, *nodes, *lines, "}"])


if __name__ == "__main__":
    main()
