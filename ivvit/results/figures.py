"""All figures of a comparison, as SVG and PNG; equal runs give equal bytes."""

import json
from collections.abc import Callable
from pathlib import Path

from ivvit.ground.files import write_text
from ivvit.results.comparison import Comparison
from ivvit.results.draw.accuracies import comparison_drawing, joint_drawing
from ivvit.results.draw.curves import curves_drawing
from ivvit.results.draw.style import Drawing, save, styled

INDEX = "figures.json"
"""[{"name", "title", "caption"}] of all figures in the folder, in their order."""

_DRAWINGS: tuple[Callable[[Comparison], Drawing | None], ...] = (comparison_drawing, joint_drawing, curves_drawing)


def write_figures(comparison: Comparison, out: Path) -> None:
    """Draw what there is to see into the folder `out`; figures of earlier configurations go."""
    out.mkdir(parents=True, exist_ok=True)
    index = []
    with styled():
        for draw in _DRAWINGS:
            if (drawing := draw(comparison)) is not None:
                save(drawing, out)
                index.append({"name": drawing.name, "title": drawing.title, "caption": drawing.caption})
    write_text(out / INDEX, json.dumps(index, indent=1, ensure_ascii=False) + "\n")
    names = {entry["name"] for entry in index}
    for path in [*out.glob("*.svg"), *out.glob("*.png")]:
        if path.stem not in names:
            path.unlink()
