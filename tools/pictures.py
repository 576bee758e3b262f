"""docs/pictures/*.svg from the *.dot beside them; needs graphviz (`apt install graphviz`)."""

import shutil
import subprocess
import sys
from pathlib import Path

STYLE = """
    rankdir=LR; nodesep=0.25; ranksep=0.3; pad=0.1; bgcolor="white";
    node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, color="#4b5563", fillcolor="#f3f4f6"];
    edge [color="#6b7280", fontname="Helvetica", fontsize=9, fontcolor="#4b5563"];
"""


def main() -> None:
    """Draw all of them."""
    dot = shutil.which("dot")
    if dot is None:
        sys.exit("graphviz is needed to draw docs/pictures: apt install graphviz, or brew install graphviz")
    for source in sorted(Path("docs/pictures").glob("*.dot")):
        text = source.read_text().replace("{", f"{{{STYLE}", 1)
        drawn = subprocess.run([dot, "-Tsvg"], input=text, capture_output=True, text=True, check=True).stdout
        source.with_suffix(".svg").write_text(drawn)


if __name__ == "__main__":
    main()
