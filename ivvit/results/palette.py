"""Colours that people with any colour vision tell apart (Okabe and Ito)."""

COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


def colours(names: list[str]) -> dict[str, str]:
    """A colour for each name, by order of first appearance; after seven they come again."""
    return {name: COLOURS[index % len(COLOURS)] for index, name in enumerate(dict.fromkeys(names))}
