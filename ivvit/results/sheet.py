"""Sheets of pictures with captions: cells side by side as the page's width allows, in sections with titles."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from ivvit.ground.files import write_bytes
from ivvit.results.safe import plain

TILE, GAP, MARGIN, LINE, PAGE = 112, 2, 6, 15, 1400
"""Pixels: a frame's side, between pictures, around cells, a line of text, the page's width."""
_CAPTION = 168
"""The least width of a cell: what a caption needs."""


@dataclass(frozen=True)
class Cell:
    """Pictures in a row (a clip's frames, or one image) and the lines above them."""

    pictures: Sequence[Image.Image]
    lines: Sequence[str]

    @property
    def tile(self) -> int:
        """The side of a picture: a single one is as wide as its caption."""
        return TILE if len(self.pictures) > 1 else _CAPTION

    @property
    def width(self) -> int:
        """In pixels, without margins."""
        return max(len(self.pictures) * (self.tile + GAP) - GAP, _CAPTION)


@dataclass(frozen=True)
class Section:
    """Cells under a title."""

    title: str
    cells: Sequence[Cell]


def write_sheet(sections: Sequence[Section], file: Path) -> Path:
    """Paint the sections into a PNG."""
    write_bytes(file, sheet_png(sections))
    return file


def sheet_png(sections: Sequence[Section]) -> bytes:
    """The sections below each other, as wide as they need, at most a page unless one cell is wider."""
    cells = [cell for section in sections for cell in section.cells]
    width = max([cell.width for cell in cells], default=_CAPTION) + MARGIN
    columns = max(1, min(PAGE // width, max(len(section.cells) for section in sections)))
    rows = [_rows(section, columns) for section in sections]
    height = MARGIN + sum(LINE + MARGIN + sum(map(_height, found)) for found in rows)
    sheet = Image.new("RGB", (MARGIN + max(columns * width, 2 * _CAPTION), height), "white")
    draw, top = ImageDraw.Draw(sheet), MARGIN
    for section, found in zip(sections, rows, strict=True):
        draw.text((MARGIN, top), _fitted(section.title, sheet.width - 2 * MARGIN), "black", _font())
        top += LINE + MARGIN
        for row in found:
            for place, cell in enumerate(row):
                _paint(sheet, draw, cell, (MARGIN + place * width, top), width - MARGIN)
            top += _height(row)
    content = io.BytesIO()
    sheet.save(content, format="PNG")
    return content.getvalue()


def _rows(section: Section, columns: int) -> list[Sequence[Cell]]:
    return [section.cells[start : start + columns] for start in range(0, len(section.cells), columns)]


def _height(row: Sequence[Cell]) -> int:
    return max(len(cell.lines) for cell in row) * LINE + max(cell.tile for cell in row) + MARGIN


def _paint(sheet: Image.Image, draw: ImageDraw.ImageDraw, cell: Cell, at: tuple[int, int], width: int) -> None:
    left, top = at
    for number, line in enumerate(cell.lines):
        draw.text((left, top + number * LINE), _fitted(line, width), "black", _font())
    for number, picture in enumerate(cell.pictures):
        place = (left + number * (cell.tile + GAP), top + len(cell.lines) * LINE)
        sheet.paste(_tile(picture, cell.tile), place)


def _tile(picture: Image.Image, width: int) -> Image.Image:
    """The middle of the picture as a square."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.resize((width, width), box=(left, top, left + side, top + side))


def _fitted(text: str, width: int) -> str:
    """The text, its middle left out where it is too long."""
    text, font = plain(text), _font()
    if font.getlength(text) <= width:
        return text
    keep = int(len(text) * width / font.getlength(text))
    while keep > 4 and font.getlength(f"{text[: keep // 2]}…{text[len(text) - keep // 2 :]}") > width:
        keep -= 1
    return f"{text[: keep // 2]}…{text[len(text) - keep // 2 :]}"


@cache
def _font() -> ImageFont.FreeTypeFont:
    """matplotlib's own, which is there wherever figures are drawn and knows most alphabets."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", 11)
