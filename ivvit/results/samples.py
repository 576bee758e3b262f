"""Sheets of what the best experiment of each data set got right and wrong, and its most confident errors."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ivvit.ground.errors import UserError
from ivvit.ground.files import write_bytes, write_text
from ivvit.numerics.decode import UnreadableError
from ivvit.results.comparison import Comparison
from ivvit.results.draw.confusions import best_row
from ivvit.results.parts import Parts
from ivvit.results.pixels import PixelSource
from ivvit.results.predictions import Confidences, read_confidences
from ivvit.results.sheet import Cell, Section, sheet_png

INDEX = "samples.json"
"""[{"name", "title", "caption"}] of all sheets in the folder."""
_IMAGES, _CLIPS = 16, 4
"""Of each kind."""


@dataclass(frozen=True)
class Chosen:
    """A section of a sheet: its title, and each sample's file and what is said about it."""

    title: str
    samples: list[tuple[str, list[str]]]


def write_samples(comparison: Comparison, sources: Mapping[str, PixelSource], out: Path) -> None:
    """samples_<data set>.png in the folder `out`; a data set whose files cannot be read here gets none.

    Args:
        comparison: whose predictions are shown.
        sources: data set -> where its files are.
        out: the folder.
    """
    out.mkdir(parents=True, exist_ok=True)
    index = []
    for name in comparison.statistics.datasets:
        row, source = best_row(comparison, name), sources.get(name)
        if row is None or source is None:
            continue
        run = row.runs[0]
        try:
            found = read_confidences(run.ref.evaluated("predictions.parquet"))[name]
        except (UserError, KeyError):
            continue
        classes = [comparison.words(name).get(entry.name, entry.name) for entry in run.datasets[name].per_class]
        content = _sheet(comparison.parts, _chosen(found, name, classes, source), source)
        if content:
            write_bytes(out / f"samples_{name}.png", content)
            caption = f"{row.experiment}, seed {run.ref.seed}: right and wrong ones, and the most confident errors."
            index.append({"name": f"samples_{name}", "title": f"Samples of {name}", "caption": caption})
    write_text(out / INDEX, json.dumps(index, indent=1, ensure_ascii=False) + "\n")


def _sheet(parts: Parts, chosen: list[Chosen], source: PixelSource) -> bytes:
    """The sheet as PNG, empty if no file can be read; kept if all of them can."""
    key = [source.lock.read_text(encoding="utf-8"), chosen]
    if (content := parts.find("sheets", key)) is not None:
        return content
    sections = [Section(part.title, [_cell(path, lines, source) for path, lines in part.samples]) for part in chosen]
    shown = [bool(cell.pictures) for section in sections for cell in section.cells]
    content = sheet_png(sections) if any(shown) else b""
    return parts.keep("sheets", key, content) if all(shown) else content


def _chosen(found: Confidences, name: str, classes: list[str], source: PixelSource) -> list[Chosen]:
    most = _CLIPS if source.options.is_video else _IMAGES
    right = found.labels == found.predicted
    rng = np.random.default_rng(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little"))
    order = rng.permutation(len(right))
    surest = np.argsort(-found.confidence, kind="stable")
    wrong = {"wrong": order[~right[order]]} if (~right).sum() > most else {}  # else the most confident are all
    indices = {"right": order[right[order]], **wrong, "wrong, the most confident first": surest[~right[surest]]}
    return [
        Chosen(
            f"{name}: {title}, {len(mine):,} of {len(right):,}", [_sample(found, int(i), classes) for i in mine[:most]]
        )
        for title, mine in indices.items()
        if len(mine)
    ]


def _sample(found: Confidences, index: int, classes: list[str]) -> tuple[str, list[str]]:
    """(path, what is said about it)."""
    path, true, said = found.paths[index], int(found.labels[index]), int(found.predicted[index])
    sure, probability = (f"{100 * float(values[index]):.0f}%" for values in (found.confidence, found.probability))
    said_what = [f"{classes[true]} ({sure})"] if said == true else [f"true: {classes[true]} ({probability})"]
    said_what += [f"predicted: {classes[said]} ({sure})"] if said != true else []
    return path, [path.rpartition("/")[2], *said_what]


def _cell(path: str, lines: list[str], source: PixelSource) -> Cell:
    try:
        pictures, seconds = source.pictures(path)
    except (UnreadableError, UserError, KeyError, OSError, IndexError, ValueError) as error:
        return Cell([], [*lines, f"cannot be read: {error}"])
    times = [f"frames at {', '.join(f'{second:.2f}' for second in seconds)} s"] if seconds else []
    return Cell(pictures, [*lines, *times])
