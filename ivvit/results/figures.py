"""All figures of a comparison, as SVG and PNG; equal runs give equal bytes."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from ivvit.ground.files import write_text
from ivvit.results.comparison import Comparison
from ivvit.results.draw.accuracies import comparison_drawing, joint_drawing
from ivvit.results.draw.classes import class_drawings, reliability_drawing
from ivvit.results.draw.confusions import confusion_drawings
from ivvit.results.draw.costs import cost_drawing, views_drawing
from ivvit.results.draw.curves import curves_drawing
from ivvit.results.draw.gradients import gradients_drawing
from ivvit.results.draw.style import Drawing, save, styled

INDEX = "figures.json"
"""[{"name", "title", "caption", "wide"}] of all figures in the folder, in their order."""

_ONE: tuple[Callable[[Comparison], Drawing | None], ...] = (
    comparison_drawing,
    joint_drawing,
    curves_drawing,
    cost_drawing,
    views_drawing,
    gradients_drawing,
    reliability_drawing,
)
_BY_DATASET: tuple[Callable[[Comparison], list[Drawing]], ...] = (class_drawings, confusion_drawings)


def drawings(comparison: Comparison) -> Iterator[Drawing]:
    """All figures that there is something to see in."""
    for draw in _ONE:
        if (drawing := draw(comparison)) is not None:
            yield drawing
    for draw_all in _BY_DATASET:
        yield from draw_all(comparison)


def write_figures(comparison: Comparison, out: Path) -> None:
    """Draw what there is to see into the folder `out`."""
    out.mkdir(parents=True, exist_ok=True)
    index = []
    with styled():
        for drawing in drawings(comparison):
            save(drawing, out, comparison.parts)
            index.append({key: getattr(drawing, key) for key in ("name", "title", "caption", "wide")})
    write_text(out / INDEX, json.dumps(index, indent=1, ensure_ascii=False) + "\n")
