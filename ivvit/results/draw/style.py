"""What all figures share: sizes, looks for black and white and any colour vision, equal bytes for equal data."""

import io
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache, partial
from os.path import commonprefix
from pathlib import Path
from typing import Any
from warnings import catch_warnings, filterwarnings

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import get_font_names
from matplotlib.typing import LineStyleType

from ivvit.ground.files import write_bytes
from ivvit.results.comparison import Comparison
from ivvit.results.parts import Parts
from ivvit.results.safe import plain

COLUMN, PAGE = 3.3, 7.0
"""Widths in inches: a column and a page of a two-column paper."""
_SIGN, _LETTER, _LINE = 0.6, 0.06, 0.14
"""Inches in a legend: what stands before a label, a letter, a line."""
_KEPT = 8
"""Letters of what long names have in common."""
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")  # Okabe and Ito
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">")
_DASHES: tuple[LineStyleType, ...] = ("-", (0, (4, 1.5)), (0, (1, 1)), (0, (5, 1, 1, 1)))
_STYLE = {
    "svg.hashsalt": "ivvit",  # else the ids in the file are random
    "font.size": 7.5,
    "axes.titlesize": 8,
    "axes.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.0,
    "legend.frameon": False,
    "legend.fontsize": 7,
    "figure.dpi": 200,
}


_MORE_LETTERS = ("Noto Sans CJK SC", "WenQuanYi Zen Hei", "PingFang SC", "Microsoft YaHei")
"""Fonts with the letters of East Asia, which matplotlib's own lacks, as Linux, macOS and Windows have them."""

_METADATA: dict[str, dict[str, None]] = {"svg": {"Date": None, "Creator": None}, "png": {"Software": None}}


@dataclass(frozen=True)
class Drawing:
    """A figure and what is said about it."""

    name: str
    """Its files' name."""
    title: str
    caption: str
    paint: "partial[Figure]"
    """Makes the figure of plain values: its arguments are all that it shows."""
    wide: bool = False
    """Whether it takes a page's width."""


@dataclass(frozen=True)
class Look:
    """How an experiment looks in all figures."""

    color: str
    marker: str
    linestyle: LineStyleType


def looks(experiments: Sequence[str]) -> dict[str, Look]:
    """No two of the first 28 look alike, nor any of the first four in black and white."""
    return {
        name: Look(
            COLOURS[index % len(COLOURS)],
            _MARKERS[index % len(_MARKERS)],
            _DASHES[(index % len(COLOURS) + index // len(COLOURS)) % len(_DASHES)],
        )
        for index, name in enumerate(experiments)
    }


def styled() -> AbstractContextManager[None]:
    """A context in which figures are made and saved: the user's own settings of matplotlib do not count."""
    fonts = ["DejaVu Sans", *(name for name in _MORE_LETTERS if name in get_font_names())]
    settings: dict[Any, Any] = {**matplotlib.rcParamsDefault, **_STYLE, "font.family": fonts}
    return matplotlib.rc_context(settings)


def panels(count: int, width: float, height: float, most: int = 4, sharey: bool = False) -> tuple[Figure, list[Axes]]:
    """A figure of so many panels, at most `most` in a row, each row `height` inches high."""
    columns = min(count, most)
    rows = -(-count // columns)
    figure = Figure(figsize=(width, rows * height), layout="constrained")
    axes = figure.subplots(rows, columns, sharey=sharey, squeeze=False).flatten().tolist()
    for unused in axes[count:]:
        unused.set_axis_off()
    return figure, axes[:count]


def legend_below(figure: Figure, handles: Mapping[str, Artist], most: int, **options: Any) -> None:
    """Label -> its sign, below the panels, from left to right, as many abreast as fit, at most `most`."""
    texts, columns = short_names(list(handles)), _abreast(list(handles), figure.get_figwidth(), most)
    labels = [label for start in range(columns) for label in list(handles)[start::columns]]  # matplotlib fills columns
    signs = [handles[label] for label in labels]
    figure.legend(signs, [texts[label] for label in labels], loc="outside lower center", ncols=columns, **options)


def legend_height(labels: Collection[str], width: float, most: int) -> float:
    """Inches that a legend below takes."""
    return _LINE * -(-len(labels) // _abreast(list(labels), width, most))


def _abreast(labels: Sequence[str], width: float, most: int) -> int:
    longest = max(map(len, short_names(labels).values()), default=0)
    return max(1, min(most, len(labels), int(width / (_SIGN + _LETTER * longest))))


def short_names(names: Sequence[str], most: int = 40) -> dict[str, str]:
    """Name -> the same, no two alike; long ones without what they begin with in common, and without their middles."""
    long = [name for name in names if len(name) > most]
    common = max(len(commonprefix(long)) - _KEPT, 0) if len(long) > 1 else 0  # noqa: RUF071  they are no paths
    found = {name: shortened(f"…{name[common:]}" if common and name in long else name, most) for name in names}
    return found if len(set(found.values())) == len(set(names)) else {name: name for name in names}


def shortened(name: str, most: int) -> str:
    """A name, its middle left out where it is long."""
    keep = most - 1
    return name if len(name) <= most else f"{name[: keep - keep // 2]}…{name[len(name) - keep // 2 :]}"


def literal(name: str) -> str:
    """A class's name as matplotlib shows it: it is no formula, whatever stands in it."""
    return plain(name).replace("$", r"\$")


def metric_label(comparison: Comparison) -> str:
    """What stands at an axis of accuracies."""
    return f"{comparison.metric.replace('top', 'top-')} (%)"


def save(drawing: Drawing, out: Path, parts: Parts) -> None:
    """<name>.svg and <name>.png, painted where they are not among the parts; equal drawings give equal bytes."""
    figure = cache(drawing.paint)
    shown = [drawing.paint.func.__qualname__, drawing.paint.args]
    for suffix in _METADATA:
        content = parts.get("figures", [suffix, shown], partial(_rendered, figure, suffix))
        write_bytes(out / f"{drawing.name}.{suffix}", content)


def _rendered(figure: Callable[[], Figure], suffix: str) -> bytes:
    content = io.BytesIO()
    with catch_warnings():
        filterwarnings("ignore", "Glyph .* missing from font")  # a box stands for it
        figure().savefig(content, format=suffix, metadata=_METADATA[suffix])
    figure().set_layout_engine("none")  # it is laid out now; the second time would be the same
    return content.getvalue()
