"""Predictions as text, CSV or JSON."""

import csv
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ivvit.data.layouts.files import printable
from ivvit.use.outcome import FileResult, Prediction, ranked

Classes = Mapping[str, list[str]]
"""The names of each head's classes."""

COLUMNS = ("path", "head", "start", "end", "rank", "class", "probability")
"""Of the CSV: seconds of a window, both empty in the rows over the whole file."""


def as_text(results: Sequence[FileResult], classes: Classes, top: int) -> str:
    """For reading: each file, what its heads say over all and, of videos with several windows, in each."""
    return "\n".join(line for result in results for line in _lines(result, classes, top))


def as_csv(results: Sequence[FileResult], classes: Classes, top: int) -> str:
    """A row per file, head, window and class; damaged files have none."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for result in results:
        for prediction in result.predictions:
            for start, end, probabilities in _spans(result, prediction):
                said = ranked(probabilities, classes[prediction.head], top)
                for rank, (name, probability) in enumerate(said, 1):
                    seconds = ["" if value is None else f"{value:.3f}" for value in (start, end)]
                    writer.writerow(
                        [printable(result.path), prediction.head, *seconds, rank, name, f"{probability:.9g}"]
                    )
    return stream.getvalue()


def as_json(results: Sequence[FileResult], classes: Classes, top: int) -> str:
    """[{"path", "seconds", "damage", "heads": {head: {"top": [{"class", "probability"}], "windows": [...]}}}]."""
    return json.dumps([_entry(result, classes, top) for result in results], indent=1, ensure_ascii=False) + "\n"


def _entry(result: FileResult, classes: Classes, top: int) -> dict[str, Any]:
    heads = {
        prediction.head: {
            "top": _top(prediction.probabilities, classes[prediction.head], top),
            "windows": [
                {"start": start, "end": end, "top": _top(probabilities, classes[prediction.head], top)}
                for start, end, probabilities in _spans(result, prediction)
                if start is not None
            ],
        }
        for prediction in result.predictions
    }
    return {"path": printable(result.path), "seconds": result.seconds, "damage": result.damage or None, "heads": heads}


def _top(probabilities: np.ndarray, classes: Sequence[str], top: int) -> list[dict[str, Any]]:
    return [{"class": name, "probability": value} for name, value in ranked(probabilities, classes, top)]


def _spans(result: FileResult, prediction: Prediction) -> Iterator[tuple[float | None, float | None, np.ndarray]]:
    """(start, end, probabilities) over the whole file, without seconds, then of each window of a video."""
    yield None, None, prediction.probabilities
    for window in prediction.windows if result.seconds is not None else ():
        yield window.start, window.end, np.exp(window.scores.astype(np.float64))


def _lines(result: FileResult, classes: Classes, top: int) -> Iterator[str]:
    seconds = "" if result.seconds is None else f"  ({result.seconds:.2f} s)"
    yield f"{printable(result.path)}{seconds}" + (f"  cannot be read: {result.damage}" if result.damage else "")
    for prediction in result.predictions:
        for start, end, probabilities in _spans(result, prediction):
            said = ranked(probabilities, classes[prediction.head], top)
            text = ", ".join(f"{name} {100 * probability:.1f}%" for name, probability in said)
            if start is None:
                yield f"  {prediction.head}: {text}"
            elif len(prediction.windows) > 1:
                yield f"    {start:7.2f} - {end:.2f} s: {text}"
