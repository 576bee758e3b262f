"""What an evaluation has found so far, in files from which a killed one resumes."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ivvit.evaluation.neighbours import Features, features_from_bytes, features_to_bytes, join_features
from ivvit.evaluation.rows import Rows, from_bytes, join, to_bytes
from ivvit.ground.files import write_atomically, write_json

T = TypeVar("T", Rows, Features)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What parts are of."""

    name: str
    join: Callable[[list[T]], T]
    encode: Callable[[T], bytes]
    decode: Callable[[bytes], T]


PREDICTIONS: Kind[Rows] = Kind("parts", join, to_bytes, from_bytes)
FEATURES: Kind[Features] = Kind("features", join_features, features_to_bytes, features_from_bytes)
BANK: Kind[Features] = Kind("bank", join_features, features_to_bytes, features_from_bytes)
"""The features of the training samples."""


class Parts(Generic[T]):
    """The files of one evaluation, state/<kind>/<data set>/<number of the first sample>.npz.

    Args:
        folder: the state's folder.
        key: what the parts depend on, as JSON values; those of another key are removed.
        kind: what they are of.
    """

    def __init__(self, folder: Path, key: dict[str, Any], kind: Kind[T]) -> None:
        self._folder = folder / kind.name
        self._kind: Kind[T] = kind
        known = self._folder / "key.json"
        if not known.is_file() or json.loads(known.read_text(encoding="utf-8")) != key:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder.mkdir(parents=True)
            write_json(known, key)

    def read(self, dataset: str) -> T:
        """All of a data set so far."""
        return self._kind.join([self._kind.decode(file.read_bytes()) for file in self._files(dataset)])

    def add(self, dataset: str, part: T) -> None:
        """Save a part durably."""
        first = min([*part.index.tolist(), *part.unreadable])
        place = self._folder / dataset
        place.mkdir(exist_ok=True)
        write_atomically(place / f"{first:09d}.npz", lambda file: file.write(self._kind.encode(part)))

    def drop_unreadable(self, dataset: str) -> None:
        """Remove the parts with unreadable files, which may be readable next time."""
        for file in self._files(dataset):
            if self._kind.decode(file.read_bytes()).unreadable:
                file.unlink()

    def _files(self, dataset: str) -> list[Path]:
        return sorted((self._folder / dataset).glob("*.npz"))
