"""Where each path is among the samples of a listing: 16 bytes a file."""

from collections.abc import Sequence

import numpy as np

from ivvit.data.layouts.rows import SampleRows


class PathIndex:
    """Paths by hash. Different paths of one hash cost a second look at a file, and no more: paths are compared."""

    def __init__(self, samples: SampleRows) -> None:
        self._samples = samples
        hashes = np.empty(len(samples), np.int64)
        first = 0
        for part in samples.parts():
            hashes[first : first + len(part)] = _hashes(part["path"].to_pylist())
            first += len(part)
        self._places = np.argsort(hashes, kind="stable")
        self._hashes = hashes[self._places]

    def places(self, paths: Sequence[str]) -> np.ndarray:
        """The place of each path, the first if it is there more than once; -1 where it is not."""
        if not len(self._hashes) or not len(paths):
            return np.full(len(paths), -1)
        wanted = _hashes(paths)
        spots = np.minimum(np.searchsorted(self._hashes, wanted), len(self._hashes) - 1)
        found = self._places[spots]
        known = self._samples.paths(found)
        same = np.array([one == other for one, other in zip(paths, known, strict=True)])
        return np.where(same, found, -1)

    def repeated(self) -> tuple[np.ndarray, np.ndarray]:
        """(places whose path was there before, the first place of each such path)."""
        spots = np.flatnonzero(self._hashes[1:] == self._hashes[:-1]) + 1
        later = self._places[spots]
        first = self._places[np.searchsorted(self._hashes, self._hashes[spots])]
        pairs = zip(self._samples.paths(later), self._samples.paths(first), strict=True)
        same = np.array([one == other for one, other in pairs], bool)
        return later[same], first[same]


def _hashes(paths: Sequence[str]) -> np.ndarray:
    return np.fromiter(map(hash, paths), np.int64, len(paths))
