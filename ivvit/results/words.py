"""What people call classes whose names are WordNet ids: words.txt beside the data, for display only."""

import re
from collections.abc import Sequence
from pathlib import Path

_WNID = re.compile(r"n\d{8}")


def class_words(folder: Path, classes: Sequence[str]) -> dict[str, str]:
    """WordNet id -> its first word, for those of these classes that are such ids; empty where there is no words.txt.

    ImageNet's words are not unique (two are called crane), so a word that two classes share keeps its id.
    """
    wanted = {name for name in classes if _WNID.fullmatch(name)}
    places = [folder / "words.txt", *sorted(folder.glob("*/words.txt"))]
    file = next((place for place in places if place.is_file()), None)
    if not wanted or file is None:
        return {}
    found = {}
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        name, _, words = line.partition("\t")
        if name in wanted and words.strip():
            found[name] = words.split(",")[0].strip()
    twice = {word for word in found.values() if list(found.values()).count(word) > 1}
    return {name: f"{word} ({name})" if word in twice else word for name, word in found.items()}
