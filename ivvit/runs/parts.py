"""An evaluation's predictions so far, in files from which a killed one resumes."""

import json
import shutil
from pathlib import Path
from typing import Any

from ivvit.evaluation.rows import Rows, from_bytes, join, to_bytes
from ivvit.ground.files import write_atomically, write_json


class Parts:
    """The files of one evaluation, state/<data set>/<number of the first sample>.npz.

    Args:
        folder: the state's folder.
        key: what the predictions depend on, as JSON values; those of another key are removed.
    """

    def __init__(self, folder: Path, key: dict[str, Any]) -> None:
        self._folder = folder / "parts"
        known = self._folder / "key.json"
        if not known.is_file() or json.loads(known.read_text(encoding="utf-8")) != key:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            write_json(known, key)

    def read(self, dataset: str) -> Rows:
        """All predictions of a data set so far."""
        return join([from_bytes(file.read_bytes()) for file in self._files(dataset)])

    def add(self, dataset: str, rows: Rows) -> None:
        """Save predictions durably."""
        first = min([*rows.index.tolist(), *rows.unreadable])
        place = self._folder / dataset
        place.mkdir(exist_ok=True)
        write_atomically(place / f"{first:09d}.npz", lambda file: file.write(to_bytes(rows)))

    def drop_unreadable(self, dataset: str) -> None:
        """Remove the parts with unreadable files, which may be readable next time."""
        for file in self._files(dataset):
            if from_bytes(file.read_bytes()).unreadable:
                file.unlink()

    def _files(self, dataset: str) -> list[Path]:
        return sorted((self._folder / dataset).glob("*.npz"))
