"""What a run predicted for every sample: predictions.parquet, a row per sample of the evaluated split."""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ivvit.ground.errors import UserError

BINS = 10
_HITS = ["dataset", "path", "group", "label", "top", "top_probability"]
_DETAILS = ["dataset", "path", "label", "top", "top_probability", "probability"]


@dataclass(frozen=True, eq=False)
class Predictions:
    """One run on one data set, N samples."""

    paths: pa.StringArray
    groups: np.ndarray | None
    """(N,) int32, which samples belong together; None where none do."""
    labels: np.ndarray
    """(N,) int32."""
    predicted: np.ndarray
    """(N,) int32, the most probable class."""
    top5: np.ndarray
    """(N,) bool, whether the true class is among the five most probable."""
    key: str
    """Equal for equal samples in equal order: files, labels and groups."""
    bins: np.ndarray = field(default_factory=lambda: np.zeros((3, BINS)))
    """(3, BINS): samples by the probability of the predicted class: how many, the sum of these, how many right."""

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def top1(self) -> np.ndarray:
        """(N,) bool, whether the most probable class is the true one."""
        return self.predicted == self.labels

    def hits(self, metric: str) -> np.ndarray:
        """(N,) bool, for top1 or top5."""
        return self.top1 if metric == "top1" else self.top5


def read_predictions(file: Path) -> dict[str, Predictions]:
    """Data set -> its predictions.

    Raises:
        UserError: the file is missing or damaged.
    """
    return {name: _predictions(table) for name, table in _tables(file, _HITS).items()}


@dataclass(frozen=True, eq=False)
class Confidences:
    """How sure a run was, for pictures; N samples."""

    paths: list[str]
    labels: np.ndarray
    """(N,) int32."""
    predicted: np.ndarray
    """(N,) int32."""
    confidence: np.ndarray
    """(N,) float32, the probability of the predicted class."""
    probability: np.ndarray
    """(N,) float32, that of the true class."""


def read_confidences(file: Path) -> dict[str, Confidences]:
    """Data set -> how sure the run was of each sample.

    Raises:
        UserError: the file is missing or damaged.
    """
    found = {}
    for name, table in _tables(file, _DETAILS).items():
        first, _ = _lists(table["top"])
        sure, _ = _lists(table["top_probability"])
        columns = (table[key].to_numpy() for key in ("label", "probability"))
        labels, probability = columns
        found[name] = Confidences(table["path"].to_pylist(), labels, first, sure, probability)
    return found


def _tables(file: Path, columns: list[str]) -> dict[str, pa.Table]:
    try:
        with pq.ParquetFile(file) as stored:
            table = stored.read(columns, use_threads=False)
        names = table["dataset"].combine_chunks()
        names = names if pa.types.is_dictionary(names.type) else names.dictionary_encode()
        wanted = enumerate(names.dictionary.to_pylist())
        return {name: table.filter(pc.equal(names.indices, code)).combine_chunks() for code, name in wanted}
    except FileNotFoundError:
        raise UserError(f"{file} is missing; remove its folder and evaluate again") from None
    except (OSError, ValueError, KeyError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{file} is damaged ({reason}); remove its folder and evaluate again") from None


def _predictions(table: pa.Table) -> Predictions:
    labels = table["label"].to_numpy()
    first, among = _lists(table["top"], labels)
    sure, _ = _lists(table["top_probability"])
    paths, groups = pc.cast(_whole(table["path"]), pa.string()), _groups(table["group"])
    key = _digest(paths, labels, groups)
    return Predictions(paths, groups, labels, first, among, key, _binned(sure, first == labels))


def _binned(sure: np.ndarray, right: np.ndarray) -> np.ndarray:
    places = np.minimum((sure * BINS).astype(int), BINS - 1)
    return np.stack([np.bincount(places, weights, BINS) for weights in (None, sure, right)])


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _lists(column: pa.ChunkedArray, labels: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """(the first entry of each list, whether the label is in the list)."""
    lists = _whole(column)
    offsets, values = lists.offsets.to_numpy(), lists.values.to_numpy(zero_copy_only=False)
    if labels is None:
        return values[offsets[:-1]], np.zeros(0, bool)
    among = values[offsets[0] : offsets[-1]] == np.repeat(labels, np.diff(offsets))
    return values[offsets[:-1]], np.logical_or.reduceat(among, offsets[:-1] - offsets[0])


def _groups(column: pa.ChunkedArray) -> np.ndarray | None:
    """A number per group; a sample without one is alone."""
    codes = _whole(column)
    codes = codes if pa.types.is_dictionary(codes.type) else codes.dictionary_encode()
    numbers = codes.indices.to_numpy(zero_copy_only=False)
    alone = np.asarray(codes.is_null())
    if alone.all():
        return None
    found = np.where(alone, 0, numbers).astype(np.int64)
    found[alone] = len(codes.dictionary) + np.arange(alone.sum())
    _, found = np.unique(found, return_inverse=True)
    return None if found.max() + 1 == len(found) else found.astype(np.int32)


def _digest(paths: pa.StringArray, labels: np.ndarray, groups: np.ndarray | None) -> str:
    known = hashlib.sha256()
    for part in pa.concat_arrays([paths]).buffers()[1:]:
        known.update(part)
    known.update(labels.tobytes())
    if groups is not None:
        known.update(groups.tobytes())
    return known.hexdigest()
