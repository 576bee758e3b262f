"""Texts of other people's making, made harmless: in a spreadsheet, a terminal, LaTeX."""

import unicodedata

_TEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "—": "---",
    "†": r"\dag{}", "‡": r"\ddag{}", "§": r"\S{}", "|": r"\textbar{}", '"': "''", "…": r"\ldots{}",
    "<": "$<$", ">": "$>$", "−": "$-$", "±": r"$\pm$", "×": r"$\times$", "≤": r"$\le$", "≥": r"$\ge$", "≠": r"$\ne$",
    "≈": r"$\approx$", "∞": r"$\infty$", "→": r"$\to$", "←": r"$\gets$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "‘": "`", "’": "'", "“": "``", "”": "''", "„": "''", "«": "''", "»": "''",
}  # fmt: skip
_GREEK = "αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ"
_LATIN = "ÆæØøßŁłŒœıµ°²³¹½¼¾©®£¥¡¿·"
_OGONEK = "\u0328"


def plain(text: object) -> str:
    """One line without control characters (escape sequences of a terminal among them) and without marks that turn text
    around; tabs and line breaks become spaces."""
    if isinstance(text, str) and text.isprintable():  # nothing of the kind is
        return text
    found = "".join(" " if c in "\t\n\r" else c for c in str(text))
    return "".join(c for c in found if unicodedata.category(c) not in ("Cc", "Cf", "Cs", "Zl", "Zp"))


def plain_lines(text: str) -> str:
    """The same for a text of several lines."""
    return "\n".join(plain(line) for line in text.splitlines())


def csv_text(value: object) -> object:
    """A text that no spreadsheet takes for a formula; numbers as they are."""
    if not isinstance(value, str):
        return value
    text = plain(value)
    first = unicodedata.normalize("NFKC", text.lstrip()[:1])  # some spreadsheets know the wide forms as well
    return f"'{text}" if first in ("=", "+", "-", "@") else text


def tex(text: object) -> str:
    """The text in LaTeX, as it compiles without any package: a letter of another script is a question mark."""
    return "".join(map(_tex, unicodedata.normalize("NFC", plain(text))))


def _tex(c: str) -> str:
    if c in _TEX:
        return _TEX[c]
    if c in _GREEK:
        name = unicodedata.name(c).split()[-1].lower().replace("lamda", "lambda")
        return rf"$\{name if c.islower() else name.capitalize()}$"
    if c.isascii():
        return f"\\{c}" if c in "&%$#_{}" else c
    base = unicodedata.normalize("NFKD", c)
    accented = ord(c) < 0x180 and len(base) == 2 and base[0].isascii() and unicodedata.combining(base[1])
    if c in _LATIN or (accented and _OGONEK not in base):
        return c
    return "".join(_tex(part) for part in base if part.isascii()) or "?"
