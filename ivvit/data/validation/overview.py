"""What the checks of the whole look at, of all usable samples: sums, and the rows whose content occurs twice."""

import math
import sys
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from ivvit.data.columns import MappedTable
from ivvit.data.manifest import SPLITS
from ivvit.data.validation.digests import all_inside

HEX = 64
"""Characters of a content hash."""


@dataclass
class Videos:
    """Sums over videos."""

    seconds: float = 0.0
    frames: int = 0
    shortest: int = sys.maxsize
    """In frames."""
    longest: int = 0
    slowest: float = math.inf
    """In frames a second."""
    fastest: float = 0.0
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    """(width, height) -> videos."""
    still: int = 0
    """Videos of one frame."""
    first_still: str = ""

    def add(self, part: pa.RecordBatch, paths: pa.Array) -> None:
        """Take rows of the manifest into account, and their paths in the data set's folder."""
        frames, rates = part["frames"].to_numpy(), part["fps"].to_numpy()
        self.shortest, self.longest = min(self.shortest, frames.min()), max(self.longest, frames.max())
        self.slowest, self.fastest = min(self.slowest, rates.min()), max(self.fastest, rates.max())
        self.seconds += part["duration"].to_numpy().sum()
        self.frames += int(frames.sum(dtype=np.int64))
        self.sizes.update(zip(part["width"].to_pylist(), part["height"].to_pylist(), strict=True))
        if len(still := np.flatnonzero(frames == 1)):
            self.first_still = self.first_still or paths[int(still[0])].as_py()
            self.still += len(still)


@dataclass
class Overview:
    """Of all usable samples."""

    labels: dict[str, set[int]]
    """Those that a split has."""
    twins: pd.DataFrame
    """The samples whose content is another one's, too: split, path in the data set's folder, label, and content, by
    whose numbers contents are in the order of their hashes."""
    videos: Videos


def overview(table: MappedTable, folder: str, *, is_video: bool) -> Overview:
    """Read the manifest's table, twice where a content occurs twice; `folder` is the data set's, as paths have it."""
    labels, videos = {split: set[int]() for split in SPLITS}, Videos()
    hashes, first = np.empty(len(table), np.uint64), 0
    for part in table.parts():
        hashes[first : first + len(part)] = _short(part["sha256"])
        first += len(part)
        for split in pc.unique(part["split"]).to_pylist():
            labels[split] |= {*pc.unique(part["label"].filter(pc.equal(part["split"], split))).to_pylist()}
        if is_video:
            videos.add(part, all_inside(part["path"], folder))
    hashes.sort()
    repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    del hashes
    return Overview(labels, _twins(table, repeated, folder), videos)


def _twins(table: MappedTable, repeated: np.ndarray, folder: str) -> pd.DataFrame:
    parts = [pa.table({"split": pa.array([], pa.string()), "path": [], "label": [], "sha256": []})]
    for part in table.parts() if len(repeated) else ():
        mask = pa.array(np.isin(_short(part["sha256"]), repeated))
        rows = part.select(["split", "path", "label", "sha256"]).filter(mask)
        path = all_inside(rows["path"], folder)
        parts.append(pa.table({"split": rows["split"], "path": path, "label": rows["label"], "sha256": rows["sha256"]}))
    found = pa.concat_tables(parts, promote_options="permissive").to_pandas()
    found = found[found["sha256"].duplicated(keep=False)]
    content, _ = pd.factorize(found.pop("sha256"), sort=True)
    return found.assign(content=content)


def _short(hashes: pa.Array) -> np.ndarray:
    """64 bits of each hexadecimal hash, uint64 (N,): equal hashes have equal ones, others nearly never."""
    text = np.frombuffer(hashes.cast(pa.binary()).cast(pa.binary(HEX)).buffers()[1], np.uint64).reshape(-1, HEX // 8)
    return text[:, 0] * np.uint64(0x9E3779B97F4A7C15) + text[:, 1]  # either is 8 characters, of 32 bits
