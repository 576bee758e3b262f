"""Texts of other people's making, made harmless: in a spreadsheet, a terminal, LaTeX."""

import unicodedata

_TEX = {
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "–": "--",
    "−": "$-$",
    "↑": r"$\uparrow$", "↓": r"$\downarrow$", "†": r"\dag{}", "‡": r"\ddag{}", "§": r"\S{}", "×": r"$\times$",
    "<": "$<$", ">": "$>$", "|": r"\textbar{}", '"': "''", "…": r"\ldots{}",
}  # fmt: skip


def plain(text: object) -> str:
    """One line without control characters (escape sequences of a terminal among them) and without marks that turn text
    around; tabs and line breaks become spaces."""
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
    return f"'{text}" if text.lstrip()[:1] in ("=", "+", "-", "@") else text


def tex(text: object) -> str:
    """The text in LaTeX."""
    return "".join(_TEX.get(c, f"\\{c}" if c in "&%$#_{}" else c) for c in plain(text))
