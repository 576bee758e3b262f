"""Predictions as one HTML page that needs nothing else: no scripts, no network, pictures within."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2
import numpy as np

from ivvit.data.layouts.files import printable
from ivvit.use.media import STRIP
from ivvit.use.outcome import FileResult, Prediction, ranked
from ivvit.use.report import Classes


@dataclass(frozen=True)
class _Window:
    start: float
    end: float
    name: str
    probability: float


@dataclass(frozen=True)
class _Head:
    name: str
    top: list[tuple[str, float]]
    windows: list[_Window]


@dataclass(frozen=True)
class _File:
    name: str
    kind: str
    seconds: float | None
    damage: str
    pictures: list[str]
    heads: list[_Head]


def page(results: Sequence[FileResult], classes: Classes, top: int, model: Path) -> str:
    """The page: each file with its picture or a strip of frames, and what each head says of it."""
    files = [_file(result, classes, top) for result in results]
    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    return environment.get_template("page.html").render(
        title="Predictions", model=printable(str(model)), files=files, strip=STRIP,
        damaged=sum(bool(file.damage) for file in files),
    )  # fmt: skip


def _file(result: FileResult, classes: Classes, top: int) -> _File:
    heads = [_head(prediction, classes[prediction.head], top) for prediction in result.predictions]
    kind = "image" if result.seconds is None else "video"
    pictures = [base64.b64encode(picture).decode() for picture in result.pictures]
    return _File(printable(result.path), kind, result.seconds, result.damage, pictures, heads)


def _head(prediction: Prediction, classes: Sequence[str], top: int) -> _Head:
    windows = []
    for window in prediction.windows:
        ((name, probability),) = ranked(np.exp(window.scores), classes, 1)
        windows.append(_Window(window.start, window.end, name, probability))
    return _Head(prediction.head, ranked(prediction.probabilities, classes, top), windows)
